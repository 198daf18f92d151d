package databasetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

func (s Suite) once(t *testing.T) {
	t.Run("a repeat returns the first result, however its params are written", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments)
		first := f.Call("key", "insert", `{"table":"payments","data":{"stripe_id":"pi_1","amount":20}}`)
		f.Exec(`UPDATE payments SET amount = 30`)
		for _, params := range []string{
			`{"table":"payments","data":{"stripe_id":"pi_1","amount":20}}`,
			` { "data" : { "amount" : 20, "stripe_id":"pi_1" }, "table":"payments" } `,
		} {
			if again := f.Call("key", "insert", params); again != first {
				t.Errorf("%s: %s, first %s", params, again, first)
			}
		}
		f.Check(Case{Key: "key", Action: "insert", Params: `{"table":"payments","data":{"stripe_id":"pi_1","amount":21}}`, Refused: &Refusal{Code: sdk.CodeConflict, Final: true}})
		if got := f.Scalar(`SELECT count(*) FROM payments`); got != "1" {
			t.Errorf("%s rows", got)
		}
	})
	t.Run("two keys are two effects, and so are calls without one", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE log (id {id}, line {text})`)
		for _, key := range []string{"a", "b", "A", "", ""} {
			f.Call(key, "insert", `{"table":"log","data":{"line":"x"}}`)
		}
		if got := f.Scalar(`SELECT count(*) FROM log`); got != "5" {
			t.Errorf("%s rows", got)
		}
	})
	t.Run("a key is kept for 30 days, and later writes remove it", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE log (id {id}, line {text})`)
		insert := func(key string) { f.Call(key, "insert", `{"table":"log","data":{"line":"x"}}`) }
		insert("key")
		f.Clock.Advance(30*24*time.Hour - time.Minute)
		insert("other")
		insert("key")
		if got := f.Scalar(`SELECT count(*) FROM log`); got != "2" {
			t.Errorf("%s rows before", got)
		}
		f.Clock.Advance(2 * time.Minute)
		insert("another")
		insert("key")
		if got := f.Scalar(`SELECT count(*) FROM log`); got != "4" {
			t.Errorf("%s rows after", got)
		}
	})
	t.Run("without the table of keys nothing is done, and that is no fault of the caller", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE log (id {id}, line {text})`)
		const params = `{"table":"log","data":{"line":"x"}}`
		f.Call("before", "insert", params)
		f.Exec(`DROP TABLE backflow_keys`)
		for range 2 {
			_, failed := f.Try("key", "insert", params)
			if failed == nil || failed.Code != sdk.CodeUnavailable || failed.Outcome != sdk.OutcomeNotExecuted || failed.Final || !strings.Contains(failed.Message, "backflow_keys") {
				t.Errorf("%+v", failed)
			}
		}
		if got := f.Scalar(`SELECT count(*) FROM log`); got != "1" {
			t.Errorf("%s rows", got)
		}
	})
	t.Run("calls with one key at the same time have one effect and one result", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments)
		for round := range 5 {
			params := fmt.Sprintf(`{"table":"payments","data":{"stripe_id":"pi_%d","amount":20}}`, round)
			var group sync.WaitGroup
			var results [8]string
			for i := range results {
				group.Go(func() { results[i] = f.Call(fmt.Sprint("key-", round), "insert", params) })
			}
			group.Wait()
			for _, result := range results {
				if result != results[0] {
					t.Errorf("results %s and %s", result, results[0])
				}
			}
		}
		if got := f.Scalar(`SELECT count(*) FROM payments`); got != "5" {
			t.Errorf("%s rows", got)
		}
	})
}
