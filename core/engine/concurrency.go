package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
)

// Runs of a workflow with a limit are counted in groups: all of them, or those
// of one key. A new one is held until the group has room. Holders are members
// of a set, added under a record of the group, the gate, that each admission
// changes: so two processes cannot admit a run each into the last place. The end
// of a run only takes its member away, which can do no harm, and costs no
// conflict.

// join puts a new run under the limit of its workflow, if there is one.
func (r *run) applyLimit(definition *workflow.Definition, roots map[string]value.Doc) error {
	limit := definition.Concurrency
	if limit == nil {
		return nil
	}
	key := ""
	if limit.Key != nil {
		v, err := limit.Key.Render(template.Docs(roots))
		if err != nil {
			return fmt.Errorf("%w: concurrency.key: %w", ErrBadInput, err)
		}
		if key, err = value.Text(v); err != nil {
			return fmt.Errorf("%w: concurrency.key: %w", ErrBadInput, err)
		}
	}
	sum := sha256.Sum256([]byte(key))
	r.record.ConcurrencyKey = definition.ID + "/" + strconv.Itoa(limit.Limit) + "/" + hex.EncodeToString(sum[:16])
	r.record.Throttled = true
	return nil
}

// limitOf is how many runs of a group may be under way at once.
func limitOf(group string) int {
	parts := strings.Split(group, "/")
	if len(parts) != 3 {
		return 1
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return 1
	}
	return n
}

// full reports whether a new run of the group would have to wait.
func (e *Engine) atLimit(ctx context.Context, group string) (bool, error) {
	limit := limitOf(group)
	taken := 0
	for _, set := range []string{setActive + "/" + group, setThrottled + "/" + group} {
		members, err := e.store.Range(ctx, state.Range{Set: set, Limit: limit})
		if err != nil {
			return false, fmt.Errorf("engine: limit: %w", err)
		}
		taken += len(members)
	}
	return taken >= limit, nil
}

// admitLoop lets held runs go on when their groups have room.
func (e *Engine) admitLoop() {
	for e.sleep(e.wakeAdmission, e.interval) {
		e.outage.Note("admit runs that wait for others", e.admitAll(context.Background()))
	}
}

func (e *Engine) admitAll(ctx context.Context) error {
	for after := ""; ; {
		groups, err := e.store.Range(ctx, state.Range{Set: setGroups, After: after, Limit: page})
		if err != nil || len(groups) == 0 {
			return err
		}
		for _, group := range groups {
			if err := e.admitGroup(ctx, group); err != nil {
				return err
			}
		}
		after = groups[len(groups)-1]
	}
}

// admitGroup admits the oldest held runs of a group into its free places.
func (e *Engine) admitGroup(ctx context.Context, group string) error {
	limit := limitOf(group)
	for {
		version, err := e.store.Get(ctx, state.Ref{Bucket: bucketGroupVersion, ID: group})
		if err != nil {
			return err
		}
		active, err := e.store.Range(ctx, state.Range{Set: setActive + "/" + group, Limit: limit})
		if err != nil || len(active) >= limit {
			return err
		}
		throttled, err := e.store.Range(ctx, state.Range{Set: setThrottled + "/" + group, Limit: 1})
		if err != nil {
			return err
		}
		if len(throttled) == 0 {
			return e.forgetGroup(ctx, group, version[0])
		}
		err = e.admitRun(ctx, group, throttled[0], version[0])
		switch conflict, ok := errors.AsType[*state.ConflictError](err); {
		case ok && !conflict.Failed(e.lease.Fence()) && !e.isStopping():
			continue // another process was faster; look again
		case err != nil:
			return err
		}
		wake(e.wakeQueue)
	}
}

// admitRun moves one held run into the queue.
func (e *Engine) admitRun(ctx context.Context, group, id string, version []byte) error {
	found, err := e.store.Get(ctx, state.Ref{Bucket: bucketRun, ID: id})
	if err != nil {
		return err
	}
	if found[0] == nil {
		return e.store.Commit(ctx, e.lease.Fence(), state.Remove(setThrottled+"/"+group, id))
	}
	h, err := decodeRecord(found[0])
	if err != nil {
		return err
	}
	if !h.Throttled || h.Status != workflow.RunQueued {
		return e.store.Commit(ctx, e.lease.Fence(), state.Remove(setThrottled+"/"+group, id))
	}
	next := *h
	next.Throttled = false
	ops := []state.Op{e.lease.Fence(), state.RequireValue(bucketRun, id, found[0])}
	ops = append(ops, advanceVersion(group, version)...)
	ops = append(ops, state.Add(setActive+"/"+group, id))
	ops = append(ops, h.updateOps(&next)...)
	return e.store.Commit(ctx, ops...)
}

// groupVersionTTL is how long a gate is kept after it was last passed. Without one,
// the first to pass makes it.
const groupVersionTTL = 24 * time.Hour

// advanceVersion makes a commit fail if anybody else passed the gate meanwhile.
func advanceVersion(group string, version []byte) []state.Op {
	next := []byte(NewRunID())
	if version == nil {
		return []state.Op{state.Insert(bucketGroupVersion, group, next, groupVersionTTL)}
	}
	return []state.Op{state.RequireValue(bucketGroupVersion, group, version), state.Put(bucketGroupVersion, group, next, groupVersionTTL)}
}

// bumpVersion makes whoever is about to pass the gate look again.
func bumpVersion(group string) state.Op {
	return state.Put(bucketGroupVersion, group, []byte(NewRunID()), groupVersionTTL)
}

// forgetGroup forgets a group of which no run is held. One that is held at the
// same moment touches the gate, and the group stays.
func (e *Engine) forgetGroup(ctx context.Context, group string, version []byte) error {
	ops := append([]state.Op{e.lease.Fence(), state.Remove(setGroups, group)}, advanceVersion(group, version)...)
	err := e.store.Commit(ctx, ops...)
	if errors.As(err, new(*state.ConflictError)) {
		return nil
	}
	return err
}
