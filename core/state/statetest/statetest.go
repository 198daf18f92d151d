// Package statetest is the one suite that every state store passes. It has one
// subtest for each promise in the comments of state.Store and the op
// constructors, and compares random operations with the memory store.
//
// A store that passes it may be plugged in. The package imports core/state,
// core/state/memory and internal/testkit. Only tests may import it.
package statetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
)

// Harness is a fresh, empty store and what a test may do to it.
type Harness struct {
	Store state.Store
	// Tick is the unit of time of the suite: tests let records live and timers
	// wait a few of them.
	Tick time.Duration
	// Advance moves the store's clock on by at least d, by setting it or by
	// sleeping.
	Advance func(d time.Duration)
	// Reopen closes the store and opens what it left behind; nil for a store
	// that keeps nothing.
	Reopen func(t *testing.T) state.Store
}

// Factory makes a harness that ends with the test. It is called from several
// goroutines at once.
type Factory func(t *testing.T) Harness

// Run runs the whole suite. Its subtests run in parallel, each on a harness of its
// own.
func Run(t *testing.T, factory Factory) {
	for _, topic := range []struct {
		name string
		test func(*testing.T, Factory)
	}{
		{"Commit", testCommit},
		{"Record", testRecord},
		{"Set", testSet},
		{"Journal", testJournal},
		{"Timer", testTimer},
		{"Race", testRace},
		{"Lifecycle", testLifecycle},
		{"Differential", testDifferential},
	} {
		t.Run(topic.name, func(t *testing.T) {
			t.Parallel()
			topic.test(t, factory)
		})
	}
}

// promise runs one subtest on a fresh store.
func promise(t *testing.T, factory Factory, name string, test func(t *testing.T, h Harness)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		test(t, factory(t))
	})
}

func commit(t *testing.T, s state.Store, ops ...state.Op) {
	t.Helper()
	if err := s.Commit(context.Background(), ops...); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// conflict commits and wants the condition at index to fail it.
func conflict(t *testing.T, s state.Store, index int, ops ...state.Op) {
	t.Helper()
	err := s.Commit(context.Background(), ops...)
	var c *state.ConflictError
	if !errors.As(err, &c) {
		t.Fatalf("commit: got %v, want a conflict", err)
	}
	if c.Index != index {
		t.Fatalf("conflict at op %d (%s), want op %d (%s)", c.Index, c.Op.ID, index, ops[index].ID)
	}
	for i, op := range ops {
		same := op.Kind == ops[index].Kind && op.Space == ops[index].Space && op.ID == ops[index].ID
		if c.Failed(op) != same {
			t.Fatalf("conflict at op %d (%s %s): Failed of op %d (%s %s) is %t", index, c.Op.Space, c.Op.ID, i, op.Space, op.ID, !same)
		}
	}
}

// get reads one record; nil if none exists.
func get(t *testing.T, s state.Store, bucket, id string) []byte {
	t.Helper()
	values, err := s.Get(context.Background(), state.Ref{Bucket: bucket, ID: id})
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	if len(values) != 1 {
		t.Fatalf("get: %d values for one ref", len(values))
	}
	return values[0]
}

func list(t *testing.T, s state.Store, r state.Range) []string {
	t.Helper()
	members, err := s.Range(context.Background(), r)
	if err != nil {
		t.Fatalf("range: %v", err)
	}
	return members
}

func journal(t *testing.T, s state.Store, id string, from int) []string {
	t.Helper()
	entries, err := s.Journal(context.Background(), id, from, 10_000)
	if err != nil {
		t.Fatalf("journal: %v", err)
	}
	text := []string{}
	for _, entry := range entries {
		if entry == nil {
			t.Fatal("journal: a nil entry")
		}
		text = append(text, string(entry))
	}
	return text
}

func due(t *testing.T, s state.Store, queue string, limit int) ([]string, time.Duration) {
	t.Helper()
	timers, next, err := s.Due(context.Background(), queue, limit)
	if err != nil {
		t.Fatalf("due: %v", err)
	}
	ids := []string{}
	for _, timer := range timers {
		ids = append(ids, timer.ID)
	}
	return ids, next
}
