package databasetest

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func (s Suite) sweep(t *testing.T) {
	t.Run("calls at the same time that remove the same old keys all succeed, and none is left", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE log (id {id}, line {text})`)
		const old, callers, calls = 60, 6, 8
		insert := func(key string) { f.Call(key, "insert", `{"table":"log","data":{"line":"x"}}`) }
		for i := range old {
			insert(fmt.Sprintf("old-%d", i))
		}
		f.Clock.Advance(30*24*time.Hour + time.Minute)
		var group sync.WaitGroup
		for caller := range callers {
			group.Go(func() {
				for i := range calls {
					insert(fmt.Sprintf("new-%d-%d", caller, i))
					insert(fmt.Sprintf("old-%d", (7*caller+i)%old)) // an old key may be used while it is removed
				}
			})
		}
		group.Wait()
		if got := f.Scalar(`SELECT count(*) FROM backflow_keys WHERE idempotency_key LIKE 'new-%'`); got != fmt.Sprint(callers*calls) {
			t.Errorf("%s keys of %d calls", got, callers*calls)
		}
		recent := f.Clock.Now().Add(-time.Hour).UnixMilli()
		if got := f.Scalar(fmt.Sprintf(`SELECT count(*) FROM backflow_keys WHERE recorded_at < %d`, recent)); got != "0" {
			t.Errorf("%s old keys are left", got)
		}
	})
}
