package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// bug is a mistake that is planted into every gateway, between it and its store or
// its integration: there it does not depend on how the gateway is written. What
// arrives is what would arrive from a gateway that has the mistake.
type bug struct {
	name string
	// plant returns the mistake of one process.
	plant func(g *gateway) planted
}

// planted is a bug in one process. Its functions are safe for concurrent use; a
// nil one changes nothing.
type planted struct {
	commit func(ctx context.Context, next commit, ops []state.Op) error
	// key returns the idempotency key that a call is sent with.
	key func(key string) string
	// failure returns what a failed call is taken for.
	failure func(e sdk.Error) error
}

// commit is the Commit of a store.
type commit func(ctx context.Context, ops ...state.Op) error

// bugs are those that the simulation must find. Each is a mistake that a change of
// the gateway could make.
var bugs = []bug{
	{"a write of the engine does not carry the fence", func(*gateway) planted {
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			if slices.ContainsFunc(ops, appends) {
				ops = slices.DeleteFunc(slices.Clone(ops), fences)
			}
			return next(ctx, ops...)
		}}
	}},
	{"the key of a call is derived from the attempt", func(*gateway) planted {
		var mu sync.Mutex // guards attempts
		attempts := map[string]int{}
		return planted{key: func(key string) string {
			mu.Lock()
			defer mu.Unlock()
			attempts[key]++
			if n := attempts[key]; n > 1 {
				return fmt.Sprintf("%s-%d", key, n)
			}
			return key
		}}
	}},
	{"an event is acknowledged before it is written", func(g *gateway) planted {
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			if !slices.ContainsFunc(ops, func(op state.Op) bool { return op.Kind == state.KindInsert && op.Space == layout.BucketEvent }) {
				return next(ctx, ops...)
			}
			g.sim.actors.Go(func() { _ = next(context.WithoutCancel(ctx), ops...) }) // it was acknowledged
			return nil
		}}
	}},
	{"the timer of a run that was woken for nothing is forgotten", func(*gateway) planted {
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			if slices.ContainsFunc(ops, appends) || !slices.ContainsFunc(ops, waits) {
				return next(ctx, ops...)
			}
			ops = slices.Clone(ops)
			for i, op := range ops {
				if op.Kind == state.KindSetTimer && op.Space == layout.QueueRun {
					ops[i] = state.ClearTimer(op.Space, op.ID)
				}
			}
			return next(ctx, ops...)
		}}
	}},
	{"a commit in doubt is appended once more", func(*gateway) planted {
		type entry struct {
			journal string
			seq     int
		}
		var mu sync.Mutex // guards doubts
		doubts := map[entry]int{}
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			shifted := slices.Clone(ops)
			mu.Lock()
			for i, op := range ops {
				if appends(op) {
					shifted[i].Seq += doubts[entry{op.ID, op.Seq}]
				}
			}
			mu.Unlock()
			err := next(ctx, shifted...)
			if errors.Is(err, state.ErrUnavailable) {
				mu.Lock()
				defer mu.Unlock()
				for _, op := range ops {
					if appends(op) {
						doubts[entry{op.ID, op.Seq}]++
					}
				}
			}
			return err
		}}
	}},
	{"the run of a tick is started before the next tick is set", func(*gateway) planted {
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			var run, tick []state.Op
			for _, op := range ops {
				switch {
				case fences(op):
					run, tick = append(run, op), append(tick, op)
				case slices.Contains([]string{layout.BucketSchedule, layout.BucketTick, layout.QueueSchedule}, op.Space):
					tick = append(tick, op)
				default:
					run = append(run, op)
				}
			}
			if !slices.ContainsFunc(run, appends) || !slices.ContainsFunc(tick, func(op state.Op) bool { return !fences(op) }) {
				return next(ctx, ops...)
			}
			if err := next(ctx, run...); err != nil {
				return err
			}
			return next(ctx, tick...)
		}}
	}},
	{"a failure that is final is taken for one without effect", func(*gateway) planted {
		return planted{failure: func(e sdk.Error) error {
			if e.Final {
				e.Outcome = sdk.OutcomeNotExecuted
			}
			return &e
		}}
	}},
	{"a turn's entry is lost over its size", func(*gateway) planted {
		var mu sync.Mutex // guards lost
		lost := map[string]bool{}
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			tooLarge := func(op state.Op) bool { return appends(op) && op.Seq > 0 && len(op.Value) > 800 }
			if i := slices.IndexFunc(ops, tooLarge); i >= 0 {
				mu.Lock()
				before := lost[ops[i].ID]
				lost[ops[i].ID] = true
				mu.Unlock()
				if !before {
					return errors.New("the entry is too large") // the run is taken up again without it
				}
			}
			return next(ctx, ops...)
		}}
	}},
}

func appends(op state.Op) bool { return op.Kind == state.KindAppend }

func fences(op state.Op) bool { return op.Kind == state.KindRequire && op.Space == layout.BucketLease }

// waits reports whether an op writes the record of a run that no gateway works on
// and that waits.
func waits(op state.Op) bool {
	if op.Kind != state.KindPut || op.Space != layout.BucketRun {
		return false
	}
	var record storedRecord
	return json.Unmarshal(op.Value, &record) == nil && record.Lease == "" && record.Status != workflow.RunQueued
}
