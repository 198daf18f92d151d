package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// maxFlagTries bounds how often Flag tries to change a record that others change.
const maxFlagTries = 8

// Find returns the events of a webhook that have the ids, in their order; nil for one
// that is not known, or not any more.
func (l *Log) Find(ctx context.Context, webhook string, ids []string) ([]*Event, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	refs := make([]state.Ref, len(ids))
	for i, id := range ids {
		refs[i] = state.Ref{Bucket: layout.BucketEvent, ID: recordID(webhook, id)}
	}
	values, err := l.store.Get(ctx, refs...)
	if err != nil {
		return nil, fmt.Errorf("event: find events: %w", err)
	}
	found := make([]*Event, len(ids))
	for i, value := range values {
		if value == nil {
			continue
		}
		e, err := Decode(value)
		if err != nil { // it is known, and cannot be read
			e = Event{ID: ids[i], Webhook: webhook}
		}
		found[i] = &e
	}
	return found, nil
}

// Arrival is when an event came.
type Arrival struct {
	ID string
	At time.Time
}

// Arrivals returns events of a webhook by their arrival, the first one first: those that
// came from a time on and before another, at most limit of them. The cursor is that of
// the page before, empty for the first; so is next where no page follows.
func (l *Log) Arrivals(ctx context.Context, webhook string, from, until time.Time, cursor string, limit int) (arrivals []Arrival, next string, err error) {
	after := cursor
	if after == "" {
		// No member is equal to a time alone, and those of the time itself are greater.
		after = from.UTC().Format(TimeFormat)
	}
	members, err := l.store.Range(ctx, state.Range{Set: layout.SetEvents + "/" + webhook, After: after, Limit: limit})
	if err != nil {
		return nil, "", fmt.Errorf("event: list arrivals: %w", err)
	}
	end := until.UTC().Format(TimeFormat)
	for _, m := range members {
		written, rest, _ := strings.Cut(m, "/")
		if written >= end {
			return arrivals, "", nil
		}
		at, err := time.Parse(TimeFormat, written)
		_, id, ok := strings.Cut(rest, "/")
		if err == nil && ok {
			arrivals = append(arrivals, Arrival{ID: id, At: at})
		}
	}
	if len(members) < limit || len(arrivals) == 0 {
		return arrivals, "", nil
	}
	return arrivals, members[len(members)-1], nil
}

// Flag adds a flag to an event, by a write that fence is a condition of. It returns false
// where the event has it, or is not known any more.
func (l *Log) Flag(ctx context.Context, webhook, id, flag string, fence state.Op) (flagged bool, err error) {
	key := recordID(webhook, id)
	for range maxFlagTries {
		found, err := l.store.Get(ctx, state.Ref{Bucket: layout.BucketEvent, ID: key})
		if err != nil {
			return false, fmt.Errorf("event: flag event: %w", err)
		}
		if found[0] == nil {
			return false, nil
		}
		e, err := Decode(found[0])
		if err != nil || slices.Contains(e.Flags, flag) {
			return false, err
		}
		e.Flags = append(slices.Clone(e.Flags), flag)
		same := state.RequireValue(layout.BucketEvent, key, found[0])
		err = l.store.Commit(ctx, fence, same, state.Replace(layout.BucketEvent, key, e.encode()))
		if conflict, ok := errors.AsType[*state.ConflictError](err); ok && conflict.Failed(same) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("event: flag event: %w", err)
		}
		return true, nil
	}
	return false, errors.New("event: flag event: its record changes all the time")
}
