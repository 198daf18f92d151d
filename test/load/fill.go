package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// failEvery: of so many stored runs, one has failed.
const failEvery = 100

// failing is the workflow of runs that fail.
const failing = `{"id":"fails","steps":[{"id":"no","type":"fail","message":"as it must"}]}`

// recorder is a store that notes what is committed about runs.
type recorder struct {
	state.Store
	mu  sync.Mutex // guards ops
	ops []state.Op
}

// Commit notes all ops but fences, which are another lease's later.
func (r *recorder) Commit(ctx context.Context, ops ...state.Op) error {
	r.mu.Lock()
	for _, op := range ops {
		if op.Kind != state.KindRequire {
			r.ops = append(r.ops, op)
		}
	}
	r.mu.Unlock()
	return r.Store.Commit(ctx, ops...)
}

// taken returns what was noted since it was asked last.
func (r *recorder) taken() []state.Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	ops := r.ops
	r.ops = nil
	return ops
}

// fill stores so many ended runs, and returns the id of the oldest. It runs one
// of each kind, and then commits what the engine has committed for them again,
// with other ids: so it knows nothing of how runs are kept.
func fill(ctx context.Context, m medium, stubURL string, count int) (oldest string, err error) {
	store, err := m.store(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	good, bad, err := samples(ctx, store, stubURL)
	if err != nil {
		return "", err
	}
	const together = 200 // runs in a commit
	for begun := 0; begun < count; begun += together {
		var ops []state.Op
		for i := range min(together, count-begun) {
			id := engine.NewRunID()
			if oldest == "" {
				oldest = id
			}
			s := good
			if i%failEvery == failEvery-1 {
				s = bad
			}
			ops = append(ops, s.again(id)...)
		}
		if err := store.Commit(ctx, ops...); err != nil {
			return "", err
		}
	}
	return oldest, nil
}

// sample is what was committed for one run.
type sample struct {
	id  string
	ops []state.Op
}

// samples runs one run that succeeds and one that fails.
func samples(ctx context.Context, store state.Store, stubURL string) (good, bad sample, err error) {
	noted := &recorder{Store: store}
	integration, err := custom.New(custom.Definition{
		Name: "poster", BaseURL: stubURL, Actions: map[string]custom.Action{"post": stepAction},
	})
	if err != nil {
		return good, bad, err
	}
	defer integration.Close()
	registry, err := action.NewRegistry(integration)
	if err != nil {
		return good, bad, err
	}
	held, err := lease.Acquire(ctx, store, lease.Options{Node: "fill"})
	if err != nil {
		return good, bad, err
	}
	defer func() { err = errors.Join(err, held.Release(context.Background())) }()
	runs := engine.New(engine.Options{Store: noted, Lease: held, Actions: registry})
	var definitions []*workflow.Definition
	for _, text := range []string{definition, failing} {
		parsed, err := workflow.Parse([]byte(text), workflow.InputRoots)
		if err != nil {
			return good, bad, err
		}
		definitions = append(definitions, parsed)
	}
	if err := runs.SetDefinitions(ctx, definitions); err != nil {
		return good, bad, err
	}
	defer func() { err = errors.Join(err, runs.Stop(context.Background())) }()
	for of, into := range map[string]*sample{"load": &good, "fails": &bad} {
		noted.taken()
		run, err := runs.Start(ctx, engine.StartRequest{Workflow: of, Roots: map[string]value.Doc{"input": value.TrustedDoc(startRun.body)}})
		if err == nil {
			run, err = runs.Wait(ctx, run.ID)
		}
		if err != nil || !run.Status.Ended() {
			return good, bad, fmt.Errorf("run of %s is %s: %w", of, run.Status, err)
		}
		*into = sample{run.ID, noted.taken()}
	}
	return good, bad, nil
}

// again returns the ops for a run of another id. Ids are of one length.
func (s sample) again(id string) []state.Op {
	ops := make([]state.Op, len(s.ops))
	for i, op := range s.ops {
		op.Space, op.ID = strings.ReplaceAll(op.Space, s.id, id), strings.ReplaceAll(op.ID, s.id, id)
		op.Value = bytes.ReplaceAll(op.Value, []byte(s.id), []byte(id))
		ops[i] = op
	}
	return ops
}
