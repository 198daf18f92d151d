package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

const (
	// formatVersion is the version of stored records.
	formatVersion = 1
	// recordLife is how long the record of a webhook outlives its last change: that of
	// one that no config has any more goes.
	recordLife = 60 * 24 * time.Hour
	// passLife is how long a pass that was asked for is kept.
	passLife = 7 * 24 * time.Hour
	// maxQueued is how many passes of a webhook may wait.
	maxQueued = 10
	// maxTries bounds how often a change is tried that others come before.
	maxTries = 8
)

// record is what is stored of a webhook.
type record struct {
	Version  int `json:"v"`
	Revision int `json:"revision"` // counts the writes: no two records are the same bytes
	// Lease is that of the process that works on the pass; empty where none does.
	Lease string `json:"lease,omitempty"`
	// Watermark: every event that the vendor made before it was compared.
	Watermark time.Time `json:"watermark"`
	// Judged: every event that was received before it was compared with the list.
	Judged time.Time `json:"judged"`
	// Confirmed: the list has named an event that the webhook had received.
	Confirmed bool `json:"confirmed,omitempty"`
	// Unproven counts the events that it has not named, as long as it has named none.
	Unproven int `json:"unproven,omitempty"`
	// Next is about when the next pass of its own accord is due: the timer is what
	// counts. It is zero without one.
	Next time.Time `json:"next,omitzero"`
	// Succeeded is when a pass of its own accord has last finished.
	Succeeded time.Time `json:"succeeded,omitzero"`
	// Pass is the one under way, Last the one that ended last.
	Pass *Pass `json:"pass,omitempty"`
	Last *Pass `json:"last,omitempty"`
	// Queue are the passes that wait, the first one asked for first.
	Queue []Pass `json:"queue,omitempty"`
}

// storedPass is a pass that was asked for and has ended.
type storedPass struct {
	Version int  `json:"v"`
	Pass    Pass `json:"pass"`
}

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("reconcile: %v", err)) // texts, numbers and times of this era always encode
	}
	return raw
}

// clone copies a record so far as it is changed.
func (r *record) clone() *record {
	c := *r
	if r.Pass != nil {
		p := r.Pass.clone()
		c.Pass = &p
	}
	c.Queue = append([]Pass(nil), r.Queue...)
	return &c
}

// busy reports whether there is something to work on beside what is due.
func (r *record) busy() bool {
	return r.Pass != nil || len(r.Queue) > 0
}

// passID is the id of the record of a pass that was asked for.
func passID(webhook, id string) string { return webhook + "/" + id }

// read returns the record of a webhook with its bytes; nil where it does not exist, or
// where it cannot be read.
func (r *Reconciler) read(ctx context.Context, webhook string) (*record, []byte, error) {
	found, err := r.store.Get(ctx, state.Ref{Bucket: layout.BucketReconcile, ID: webhook})
	if err != nil || found[0] == nil {
		return nil, nil, err
	}
	rec := &record{}
	if err := json.Unmarshal(found[0], rec); err != nil {
		return nil, found[0], nil
	}
	if rec.Version != formatVersion {
		return nil, nil, fmt.Errorf("reconcile: the record of webhook %s has format %d, this version knows %d", webhook, rec.Version, formatVersion)
	}
	return rec, found[0], nil
}

// errOther is returned where another process holds a webhook.
var errOther = errors.New("reconcile: another process has it")

// update changes the record of a webhook, with further ops in the same write. What
// change returns as an error ends it.
func (r *Reconciler) update(ctx context.Context, webhook string, once engine.Once, change func(*record) ([]state.Op, error)) error {
	for range maxTries {
		rec, raw, err := r.read(ctx, webhook)
		if err != nil {
			return err
		}
		condition := state.RequireValue(layout.BucketReconcile, webhook, raw)
		if raw == nil {
			condition = state.Insert(layout.BucketReconcile, webhook, nil, recordLife)
		}
		if rec == nil {
			rec = r.fresh()
		}
		next := rec.clone()
		next.Revision++
		ops, err := change(next)
		if err != nil {
			return err
		}
		all := append(once.Ops(), r.lease.Fence(), condition, state.Put(layout.BucketReconcile, webhook, encode(next), recordLife))
		if next.busy() {
			all = append(all, state.Add(layout.SetReconcileBusy, webhook))
		} else {
			all = append(all, state.Remove(layout.SetReconcileBusy, webhook))
		}
		err = r.store.Commit(ctx, append(all, ops...)...)
		if conflict, ok := errors.AsType[*state.ConflictError](err); ok && conflict.Failed(condition) {
			continue
		}
		return r.conflictOf(ctx, err, once)
	}
	return fmt.Errorf("%w: webhook %s", ErrBusy, webhook)
}

// conflictOf translates the error of a commit.
func (r *Reconciler) conflictOf(ctx context.Context, err error, once engine.Once) error {
	if err == nil {
		return nil
	}
	if duplicate := once.Duplicate(ctx, r.store, err); duplicate != nil {
		return duplicate
	}
	if conflict, ok := errors.AsType[*state.ConflictError](err); ok && conflict.Failed(r.lease.Fence()) {
		return fmt.Errorf("%w: %w", engine.ErrFenced, err)
	}
	return fmt.Errorf("reconcile: %w", err)
}

// fresh returns the record of a webhook that is new. Events that were received before
// are not judged: nothing is known of how long the vendor's list has been complete.
func (r *Reconciler) fresh() *record {
	return &record{Version: formatVersion, Judged: r.now().UTC().Truncate(time.Millisecond)}
}
