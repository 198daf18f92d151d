package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

const (
	// formatVersion is the version of a record.
	formatVersion = 1
	pageSize      = 100
)

// tickLife is how long it is known that a tick was handled. It is asked for
// only where a record was removed and made again, or a clock was set back.
const tickLife = 48 * time.Hour

// record is what is stored of a schedule.
type record struct {
	Version int    `json:"v"`
	Cron    string `json:"cron"`
	Zone    string `json:"timezone"`
	// Next is the next tick. The timer has it too, and is what counts.
	Next time.Time `json:"next"`
}

// of reports whether the record was made for a cron expression.
func (r *record) of(c *Cron) bool { return r.Cron == c.expression && r.Zone == c.zone }

func (r *record) encode() []byte {
	raw, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and a time of this era always encode
	}
	return raw
}

// write returns the ops that store the record with its timer. Without another
// tick the schedule rests.
func (r *record) write(name string) []state.Op {
	ops := []state.Op{state.Put(layout.BucketSchedule, name, r.encode(), 0), state.Add(layout.SetSchedules, name)}
	if r.Next.IsZero() {
		return append(ops, state.ClearTimer(layout.QueueSchedule, name))
	}
	return append(ops, state.SetTimer(layout.QueueSchedule, name, r.Next))
}

func tickID(name string, tick time.Time) string { return name + "/" + tick.UTC().Format(time.RFC3339) }

// errUnreadable is matched by the error for a record that no version wrote.
var errUnreadable = errors.New("the record cannot be read")

// read returns the record of a schedule with its bytes; nil if none exists.
func (s *Scheduler) read(ctx context.Context, name string) (*record, []byte, error) {
	found, err := s.store.Get(ctx, state.Ref{Bucket: layout.BucketSchedule, ID: name})
	if err != nil || found[0] == nil {
		return nil, nil, err
	}
	r := &record{}
	if err := json.Unmarshal(found[0], r); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if r.Version != formatVersion {
		return nil, nil, fmt.Errorf("record has format %d, this version knows %d", r.Version, formatVersion)
	}
	return r, found[0], nil
}

// register makes sure that a schedule is in the store, and learns its next tick.
// Where the record is of another expression, it is replaced if asked for.
func (s *Scheduler) register(ctx context.Context, entry *scheduled, replace bool) error {
	for range maxTries {
		stored, raw, err := s.read(ctx, entry.Name)
		unreadable := errors.Is(err, errUnreadable)
		if err != nil && !unreadable {
			return err
		}
		upcoming := entry.Cron.Next(s.now())
		ops := []state.Op{s.lease.Fence()}
		switch {
		case unreadable:
			s.log.Warn("the record of a schedule cannot be read: it is made anew", "schedule", entry.Name, "next", upcoming, "error", err)
		case stored == nil:
			ops = append(ops, state.Insert(layout.BucketSchedule, entry.Name, nil, 0))
			if !replace && !entry.next.IsZero() {
				upcoming = entry.next
			}
		case !stored.of(entry.Cron) && !replace:
			return nil
		case stored.of(entry.Cron) && !stored.isAhead(upcoming):
			entry.next = stored.Next
			return nil
		default:
			ops = append(ops, state.RequireValue(layout.BucketSchedule, entry.Name, raw))
		}
		fresh := record{Version: formatVersion, Cron: entry.Cron.expression, Zone: entry.Cron.zone, Next: upcoming}
		err = s.store.Commit(ctx, append(ops, fresh.write(entry.Name)...)...)
		if conflict, ok := errors.AsType[*state.ConflictError](err); ok && !conflict.Failed(s.lease.Fence()) {
			continue // another gateway was faster
		}
		if err == nil {
			entry.next = fresh.Next
		}
		return err
	}
	return errors.New("the record changes all the time")
}

// isAhead reports whether a record waits for a later tick than the upcoming one:
// a clock was wrong, and set back since. That a tick between was handled
// already is seen by its own record.
func (r *record) isAhead(upcoming time.Time) bool {
	return !upcoming.IsZero() && (r.Next.IsZero() || r.Next.After(upcoming))
}

// restore makes the records again that a gateway with another config removed, and
// those that a wrong clock spoiled.
func (s *Scheduler) restore() error {
	s.mu.Lock()
	entries := make([]*scheduled, 0, len(s.schedules))
	for _, entry := range s.schedules {
		entries = append(entries, entry)
	}
	s.mu.Unlock()
	var failed error
	for _, entry := range entries {
		s.mu.Lock()
		known := &scheduled{Schedule: entry.Schedule, next: entry.next}
		s.mu.Unlock()
		if err := s.register(s.stopping, known, false); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", entry.Name, err))
			continue
		}
		s.mu.Lock()
		entry.next = known.next
		s.mu.Unlock()
	}
	return failed
}

// removeOthers removes the schedules of the store that are not among these.
func (s *Scheduler) removeOthers(ctx context.Context, these map[string]*scheduled) error {
	for after := ""; ; {
		names, err := s.store.Range(ctx, state.Range{Set: layout.SetSchedules, After: after, Limit: pageSize})
		if err != nil || len(names) == 0 {
			return err
		}
		after = names[len(names)-1]
		ops := []state.Op{s.lease.Fence()}
		for _, name := range names {
			if these[name] == nil {
				ops = append(ops, state.Delete(layout.BucketSchedule, name), state.Remove(layout.SetSchedules, name), state.ClearTimer(layout.QueueSchedule, name))
			}
		}
		if len(ops) == 1 {
			continue
		}
		if err := s.store.Commit(ctx, ops...); err != nil {
			return err
		}
	}
}
