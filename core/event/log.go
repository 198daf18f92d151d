package event

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// sweepBatch is how many events one sweep removes from the lists at most.
const sweepBatch = 256

// Log is the lists of events in a store. It is safe for concurrent use.
type Log struct{ store state.Store }

// NewLog returns the lists of a store.
func NewLog(store state.Store) *Log { return &Log{store: store} }

// Sweep removes from the lists the oldest events whose records have ended by now: a
// bounded number, in one small write. Members of a list have no time to live as
// records have.
func (l *Log) Sweep(ctx context.Context, now time.Time) error {
	members, err := l.store.Range(ctx, state.Range{Set: layout.SetEvents, Limit: sweepBatch})
	if err != nil {
		return fmt.Errorf("event: list old events: %w", err)
	}
	limit := now.UTC().Add(-TTL).Format(TimeFormat)
	var ops []state.Op
	for _, m := range members {
		if m >= limit {
			break
		}
		ops = append(ops, state.Remove(layout.SetEvents, m), state.Remove(layout.SetEvents+"/"+memberWebhook(m), m))
	}
	if len(ops) == 0 {
		return nil
	}
	if err := l.store.Commit(ctx, ops...); err != nil {
		return fmt.Errorf("event: remove old events: %w", err)
	}
	return nil
}

// memberWebhook returns the webhook that a member of the index belongs to.
func memberWebhook(member string) string {
	_, rest, _ := strings.Cut(member, "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}
