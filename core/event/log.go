package event

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// sweepBatch is how many events one sweep removes from each list at most.
const sweepBatch = 256

// Log is the lists of events in a store. It is safe for concurrent use.
type Log struct{ store state.Store }

// NewLog returns the lists of a store.
func NewLog(store state.Store) *Log { return &Log{store: store} }

// Sweep removes from the lists the oldest events whose records have ended by now: a
// bounded number, in one small write. Members of a list have no time to live as
// records have.
func (l *Log) Sweep(ctx context.Context, now time.Time) error {
	limit := now.Add(-TTL)
	old, err := l.before(ctx, layout.SetEvents, limit.UTC().Format(TimeFormat))
	if err != nil {
		return err
	}
	var ops []state.Op
	for _, m := range old {
		ops = append(ops, state.Remove(layout.SetEvents, m), state.Remove(layout.SetEvents+"/"+memberWebhook(m), m))
	}
	// Ids of runs begin with the time of their start: see engine.NewRunID.
	ms := max(limit.UnixMilli(), 0)
	if old, err = l.before(ctx, layout.SetEventsFailed, fmt.Sprintf("%08x-%04x", ms>>16, ms&0xffff)); err != nil {
		return err
	}
	for _, m := range old {
		ops = append(ops, state.Remove(layout.SetEventsFailed, m))
	}
	if len(ops) == 0 {
		return nil
	}
	if err := l.store.Commit(ctx, ops...); err != nil {
		return fmt.Errorf("event: remove old events: %w", err)
	}
	return nil
}

// before returns the first members of a list that are less than a limit.
func (l *Log) before(ctx context.Context, set, limit string) ([]string, error) {
	members, err := l.store.Range(ctx, state.Range{Set: set, Limit: sweepBatch})
	if err != nil {
		return nil, fmt.Errorf("event: list old events: %w", err)
	}
	for i, m := range members {
		if m >= limit {
			return members[:i], nil
		}
	}
	return members, nil
}

// memberWebhook returns the webhook that a member of the index belongs to.
func memberWebhook(member string) string {
	_, rest, _ := strings.Cut(member, "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}
