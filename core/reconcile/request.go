package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

var (
	// ErrNotFound is returned for a webhook, or a pass, that does not exist.
	ErrNotFound = errors.New("reconcile: not found")
	// ErrNoList is returned for a webhook whose vendor has no list of its events.
	ErrNoList = errors.New("reconcile: no list of the vendor's events")
	// ErrBusy is returned where other requests change what is stored all the time.
	ErrBusy = errors.New("reconcile: changed by other requests all the time")
)

// pollInterval is how often Wait looks at a pass.
const pollInterval = 200 * time.Millisecond

// Request asks for a pass.
type Request struct {
	// ID is a new id for the pass, as engine.NewRunID makes them.
	ID      string
	Webhook string
	// Since is from when on the vendor's events are compared, up to now; or Ago, how long
	// ago that is. Without both it is as far back as a pass of its own accord looks.
	Since time.Time
	Ago   time.Duration
	// DryRun: what is missing is named, and neither taken in nor flagged.
	DryRun bool
	// By is who asks.
	By string
	// Once makes the request take effect at most once.
	Once engine.Once
}

// State is what is known of the comparison of a webhook.
type State struct {
	Webhook string
	// Every is zero where the webhook has no passes of their own accord; then the times
	// below are zero, too.
	Every, Lookback time.Duration
	// Watermark: every event that the vendor made before it was compared.
	Watermark time.Time
	// Next is about when the next pass is due, Succeeded when one has last finished.
	Next, Succeeded time.Time
	// Pass is the one under way, else the one that ended last; nil before the first.
	Pass *Pass
	// Queued are the passes that wait.
	Queued []Pass
}

// Request asks for a pass. It returns once that is on stable storage; it is worked on
// after what was asked for before.
//
// Errors: ErrNoList for a webhook that is not compared; *sdk.Error for a time that
// cannot be compared, and where too many passes wait; an error that matches
// engine.ErrDuplicate where req.Once is taken; engine.ErrFenced; those that match
// state.ErrUnavailable.
func (r *Reconciler) Request(ctx context.Context, req Request) (Pass, error) {
	e := r.entry(req.Webhook)
	if e == nil {
		return Pass{}, fmt.Errorf("%w: webhook %s", ErrNoList, req.Webhook)
	}
	now := r.now().UTC().Truncate(time.Millisecond)
	p := Pass{ID: req.ID, Webhook: req.Webhook, Status: StatusQueued, Requested: true, By: req.By, DryRun: req.DryRun, CreatedAt: now}
	switch {
	case req.Ago > 0:
		p.Since = now.Add(-req.Ago)
	case req.Since.IsZero():
		p.Since = now.Add(-e.Lookback)
	default:
		p.Since = req.Since.UTC()
	}
	p.Since = p.Since.Truncate(time.Second)
	switch {
	case !p.Since.Before(now):
		return Pass{}, faultOfSince("since is not in the past")
	case p.Since.Before(now.Add(-event.TTL - time.Minute)):
		return Pass{}, faultOfSince(fmt.Sprintf("since is more than %s ago: ids of events are remembered for so long, and an older event could not be told from a new one", value.Duration(event.TTL)))
	}
	p.Since = later(p.Since, now.Add(-MaxLookback).Truncate(time.Second))
	p.Through = p.Since
	err := r.update(ctx, req.Webhook, req.Once, func(rec *record) ([]state.Op, error) {
		if len(rec.Queue) >= maxQueued {
			return nil, sdk.Refuse(sdk.CodeConflict, "%d comparisons of webhook %s wait already: at most that many may", len(rec.Queue), req.Webhook)
		}
		rec.Queue = append(rec.Queue, p)
		return nil, nil
	})
	if err != nil {
		return Pass{}, err
	}
	r.wakeup.Wake()
	return p, nil
}

func faultOfSince(message string) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeInvalidParams, Message: message, Outcome: sdk.OutcomeNotExecuted, Faults: []sdk.Fault{{Pointer: "/since", Message: message}}}
}

func (r *Reconciler) entry(webhook string) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.webhooks[webhook]
}

// Get returns what is known of the comparison of a webhook, or ErrNoList.
func (r *Reconciler) Get(ctx context.Context, webhook string) (State, error) {
	e := r.entry(webhook)
	if e == nil {
		return State{}, fmt.Errorf("%w: webhook %s", ErrNoList, webhook)
	}
	rec, _, err := r.read(ctx, webhook)
	if err != nil {
		return State{}, err
	}
	if rec == nil {
		rec = r.fresh()
	}
	s := State{Webhook: webhook, Every: e.Every, Lookback: e.Lookback, Pass: rec.Pass, Queued: rec.Queue}
	if s.Pass == nil {
		s.Pass = rec.Last
	}
	if e.Every > 0 {
		s.Watermark, s.Next, s.Succeeded = rec.Watermark, rec.Next, rec.Succeeded
	}
	return s, nil
}

// Pass returns a pass that was asked for, or ErrNotFound: one that has ended is kept for
// seven days.
func (r *Reconciler) Pass(ctx context.Context, webhook, id string) (Pass, error) {
	rec, _, err := r.read(ctx, webhook)
	if err != nil {
		return Pass{}, err
	}
	if rec != nil {
		for _, p := range []*Pass{rec.Pass, rec.Last} {
			if p != nil && p.ID == id {
				return *p, nil
			}
		}
		for _, p := range rec.Queue {
			if p.ID == id {
				return p, nil
			}
		}
	}
	found, err := r.store.Get(ctx, state.Ref{Bucket: layout.BucketReconcilePass, ID: passID(webhook, id)})
	if err != nil {
		return Pass{}, fmt.Errorf("reconcile: %w", err)
	}
	if found[0] == nil {
		return Pass{}, fmt.Errorf("%w: pass %s", ErrNotFound, id)
	}
	var stored storedPass
	if err := json.Unmarshal(found[0], &stored); err != nil {
		return Pass{}, fmt.Errorf("reconcile: stored pass: %w", err)
	}
	if stored.Version != formatVersion {
		return Pass{}, fmt.Errorf("reconcile: pass %s has format %d, this version knows %d", id, stored.Version, formatVersion)
	}
	return stored.Pass, nil
}

// Wait returns a pass when it has ended, or as it is when ctx is done.
func (r *Reconciler) Wait(ctx context.Context, webhook, id string) (Pass, error) {
	for {
		p, err := r.Pass(context.WithoutCancel(ctx), webhook, id)
		if err != nil || p.Status.Ended() || backoff.Sleep(ctx, pollInterval) != nil {
			return p, err
		}
	}
}
