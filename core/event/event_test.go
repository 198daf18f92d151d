package event

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
)

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"v":1,"id":"evt_1","type":"x","webhook":"w","runId":"r","receivedAt":"2026-11-23T10:00:00.123Z","size":1}`))
	f.Add([]byte(`{"v":2}`))
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(`null`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(e.Once(nil).Value)
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(e, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestASweepRemovesABatchOfTheOldest(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	store := memory.New(memory.Options{})
	add := func(n int, name string) {
		t.Helper()
		for i := range n {
			e := Event{ID: fmt.Sprintf("%s-%d", name, i), Webhook: "w", RunID: "r", ReceivedAt: at}
			if err := store.Commit(t.Context(), e.Once(nil).Ops()...); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(sweepBatch+1, "old")
	at = at.Add(TTL + time.Second)
	add(3, "new")
	for _, want := range []int{4, 3, 3} {
		if err := NewLog(store).Sweep(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		for _, set := range []string{"events", "events/w"} {
			members, err := store.Range(t.Context(), state.Range{Set: set, Limit: 1000})
			if err != nil || len(members) != want {
				t.Errorf("%s has %d members, want %d (%v)", set, len(members), want, err)
			}
		}
	}
}
