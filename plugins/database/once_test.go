package main

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
)

func TestARepeatAnswersTheFirstResult(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	const params = `{"table":"payments","data":{"stripe_id":"pi_1","amount":12345678901234}}`
	first := f.insert("key-1", params)
	f.exec(`UPDATE payments SET amount = 1`)
	for _, repeat := range []string{params, ` { "data" : { "amount":12345678901234, "stripe_id":"pi_1" }, "table" : "payments" }`} {
		if again := f.insert("key-1", repeat); again != first {
			t.Errorf("answered %s, first %s", again, first)
		}
	}
	f.exec(`DROP TABLE payments`)
	if again := f.insert("key-1", params); again != first {
		t.Errorf("without the table: answered %s, first %s", again, first)
	}
}

func TestAKeyWithOtherParamsIsAConflict(t *testing.T) {
	f := newFixture(t, paymentsDDL, `CREATE TABLE other (stripe_id TEXT, amount INTEGER)`)
	f.insert("key-1", `{"table":"payments","data":{"stripe_id":"pi_1","amount":1}}`)
	for _, params := range []string{
		`{"table":"payments","data":{"stripe_id":"pi_1","amount":2}}`,
		`{"table":"payments","data":{"stripe_id":"pi_1","amount":1.0}}`,
		`{"table":"payments","data":{"stripe_id":"pi_1"}}`,
		`{"table":"other","data":{"stripe_id":"pi_1","amount":1}}`,
	} {
		if refusal := f.refused("key-1", params); refusal.Code != sdk.CodeConflict || !refusal.Final {
			t.Errorf("%s: %+v", params, refusal)
		}
	}
}

func TestARefusalLeavesTheKeyFree(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	f.refused("key-1", `{"table":"payments","data":{"stripe_id":"pi_1","amount":0}}`)
	f.insert("key-1", `{"table":"payments","data":{"stripe_id":"pi_1","amount":5}}`)
}

func TestWithoutAKeyEachCallInserts(t *testing.T) {
	f := newFixture(t, `CREATE TABLE log (n INTEGER)`)
	for range 3 {
		f.insert("", `{"table":"log","data":{"n":1}}`)
	}
	if got := f.scalar(`SELECT (SELECT count(*) FROM log) || ' rows, ' || (SELECT count(*) FROM backflow_keys) || ' keys'`); got != "3 rows, 0 keys" {
		t.Error(got)
	}
}

func TestTwentyAtOnceWithOneKeyInsertOneRow(t *testing.T) {
	f := newFixture(t, `CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER)`)
	wantOneRowForEachKey(t, f, configured(t, f.dir, `{"url":"sqlite://data/app.db"}`, f.clock))
}

// wantOneRowForEachKey inserts through two plugins over one file, with a key by
// twenty calls at once.
func wantOneRowForEachKey(t *testing.T, f *fixture, other served) {
	t.Helper()
	for round := range 5 {
		answers := make([]string, 20)
		var group sync.WaitGroup
		for i := range answers {
			plugin := f.plugin
			if i%2 == 1 {
				plugin = other
			}
			group.Go(func() {
				body, err := insert(plugin, fmt.Sprintf("key-%d", round), `{"table":"log","data":{"n":7}}`)
				if err != nil {
					t.Errorf("insert: %v", err)
				}
				answers[i] = body
			})
		}
		group.Wait()
		for _, answer := range answers {
			if want := fmt.Sprintf(`{"id":%d,"n":7}`, round+1); answer != want {
				t.Errorf("answered %s, want %s", answer, want)
			}
		}
		if got := f.scalar(`SELECT count(*) FROM log`); got != fmt.Sprint(round+1) {
			t.Errorf("round %d: %s rows", round, got)
		}
	}
}

func TestKeysAreKeptThirtyDaysAndRemovedInSmallBatches(t *testing.T) {
	f := newFixture(t, `CREATE TABLE log (n INTEGER)`)
	const old = 3*store.SweepBatch + 5
	for i := range old {
		f.insert(fmt.Sprintf("old-%d", i), `{"table":"log","data":{"n":1}}`)
	}
	f.clock.advance(store.KeyLifetime)
	f.insert("old-0", `{"table":"log","data":{"n":1}}`)
	f.insert("day-30", `{"table":"log","data":{"n":1}}`)
	if got, want := f.scalar(`SELECT count(*) FROM backflow_keys`), fmt.Sprint(old+1); got != want {
		t.Errorf("after 30 days: %s keys, want %s", got, want)
	}
	f.clock.advance(time.Millisecond)
	left := old
	for i := range 5 {
		f.insert(fmt.Sprintf("new-%d", i), `{"table":"log","data":{"n":1}}`)
		left = max(0, left-store.SweepBatch)
		if got, want := f.scalar(`SELECT count(*) FROM backflow_keys`), fmt.Sprint(left+2+i); got != want {
			t.Errorf("after %d inserts: %s keys, want %s", i+1, got, want)
		}
	}
	if got := f.scalar(`SELECT count(*) FROM log`); got != fmt.Sprint(old+1+5) {
		t.Errorf("%s rows", got)
	}
}

func TestALongKeyIsRefused(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	key := fmt.Sprintf("%0256d", 1)
	if refusal := f.refused(key, `{"table":"payments","data":{"stripe_id":"x","amount":1}}`); refusal.Code != sdk.CodeInvalidParams {
		t.Error(refusal)
	}
	f.insert(key[1:], `{"table":"payments","data":{"stripe_id":"x","amount":1}}`)
}

func TestAnUnknownActionIsNotExecuted(t *testing.T) {
	f := newFixture(t)
	_, err := f.plugin.Execute(t.Context(), sdk.Call{Action: "drop", Params: []byte(`{}`)})
	if !errors.Is(err, &sdk.Error{Code: sdk.CodeUnknownAction}) {
		t.Error(err)
	}
}
