package event

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk/value"
)

// Runs are the runs of events, as engine.Engine has them.
type Runs interface {
	Lookup(ctx context.Context, ids []string) (map[string]engine.Run, error)
	Roots(ctx context.Context, id string) (map[string]value.Doc, error)
	List(ctx context.Context, request engine.ListRequest) (engine.List, error)
	WorkflowsWith(ctx context.Context, prefix string) ([]string, error)
	Start(ctx context.Context, request engine.StartRequest) (engine.Run, error)
	Replay(ctx context.Context, request engine.ReplayRequest) (engine.Run, error)
}

var _ Runs = (*engine.Engine)(nil)

var (
	// ErrNotFound: there is no such event, or it is not shown any more.
	ErrNotFound = errors.New("event: no such event")
	// ErrBadCursor: a cursor that no list returned.
	ErrBadCursor = errors.New("event: bad cursor")
)

// MaxRetention is the longest time for which events can be shown: after it nothing is
// known of them.
const MaxRetention = TTL

// Options are what Events is made of. Store and Runs are required.
type Options struct {
	Store state.Store
	Runs  Runs
	// Retention is how long events are listed and shown; 0 is MaxRetention. Their ids
	// are remembered for TTL in any case.
	Retention time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Events shows received events with what became of them, and repairs those that failed.
// It is safe for concurrent use.
type Events struct {
	store     state.Store
	log       *Log
	runs      Runs
	retention time.Duration
	now       func() time.Time
}

// New makes an Events.
func New(o Options) *Events {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Retention == 0 {
		o.Retention = MaxRetention
	}
	return &Events{store: o.Store, log: NewLog(o.Store), runs: o.Runs, retention: o.Retention, now: o.Now}
}

// workflowPrefix is what the ids of workflows that are the actions of a webhook begin with.
const workflowPrefix = "webhook:"

// WorkflowID is the id of the workflow that a webhook's actions are. No workflow of a
// config has a colon in its id.
func WorkflowID(webhook string) string { return workflowPrefix + webhook }

// oldest is the time before which events are not shown.
func (s *Events) oldest() time.Time { return s.now().UTC().Add(-s.retention) }

// readAtOnce is how many records are read at once.
const readAtOnce = 200

// stored is an event as it is stored.
type stored struct {
	Event
	data []byte
}

// read reads events by the ids of their records: those that are there, can be read and
// are shown, in the order given.
func (s *Events) read(ctx context.Context, ids []string) (found []stored, err error) {
	oldest := s.oldest()
	for len(ids) > 0 {
		some := ids[:min(len(ids), readAtOnce)]
		ids = ids[len(some):]
		refs := make([]state.Ref, len(some))
		for i, id := range some {
			refs[i] = state.Ref{Bucket: layout.BucketEvent, ID: id}
		}
		values, err := s.store.Get(ctx, refs...)
		if err != nil {
			return nil, fmt.Errorf("event: read events: %w", err)
		}
		for _, data := range values {
			// A record that cannot be read is one of a newer program: its event is left to that.
			if e, err := Decode(data); err == nil && !e.ReceivedAt.Before(oldest) {
				found = append(found, stored{e, data})
			}
		}
	}
	return found, nil
}

// views returns what became of events; at most readAtOnce of them.
func (s *Events) views(ctx context.Context, events []stored) ([]View, error) {
	var ids []string
	for _, e := range events {
		if e.RunID != "" {
			ids = append(ids, e.RunID)
		}
	}
	runs, err := s.runs.Lookup(ctx, ids)
	if err != nil {
		return nil, err
	}
	var refs []state.Ref
	for _, e := range events {
		if _, kept := runs[e.RunID]; !kept && e.RunID != "" {
			refs = append(refs, state.Ref{Bucket: layout.BucketEventRemains, ID: recordID(e.Webhook, e.ID)})
		}
	}
	left := map[string]*remains{}
	if len(refs) > 0 {
		values, err := s.store.Get(ctx, refs...)
		if err != nil {
			return nil, fmt.Errorf("event: read what remains of runs: %w", err)
		}
		for i, data := range values {
			if data == nil {
				continue
			}
			if left[refs[i].ID], err = decodeRemains(data); err != nil {
				return nil, err
			}
		}
	}
	views := make([]View, len(events))
	for i, e := range events {
		var run *engine.Run
		if found, kept := runs[e.RunID]; kept {
			run = &found
		}
		views[i] = view(e.Event, run, left[recordID(e.Webhook, e.ID)])
	}
	return views, nil
}

// recordOf is the id of the record of the event that a member of the lists stands for.
func recordOf(member string) string {
	_, id, _ := strings.Cut(member, "/")
	return id
}
