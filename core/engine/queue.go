package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// claimShare is how many runs of one workflow are claimed before the next
// workflow's turn.
const claimShare = 8

// queue continues queued runs as slots become free.
type queue struct {
	*service
	*claims
	interval time.Duration
	limit    int          // runs that may wait
	waiting  atomic.Int64 // runs that waited when they were last counted, up to most
}

// Start watches the queue in the background until Stop.
func (q *queue) Start() { q.run(q.loop) }

// loop claims runs of each workflow in turn, so that one with a long queue does not
// hold up the others.
func (q *queue) loop() {
	for {
		claimed, err := q.round(context.Background())
		q.outage.Note("read the queue", err)
		if claimed > 0 {
			continue
		}
		if !q.sleep(q.wakeups.queue, q.interval) {
			return
		}
	}
}

// round gives each workflow with a queue its share, and returns how many runs were
// claimed.
func (q *queue) round(ctx context.Context) (claimed int, err error) {
	queues, err := q.reader.queued(ctx)
	if err != nil {
		return 0, err
	}
	var failed error
	for _, set := range queues {
		n, err := q.claimShareOf(ctx, set)
		claimed += n
		if errors.Is(err, state.ErrCorrupt) {
			failed = errors.Join(failed, err) // says nothing of the other queues
			continue
		}
		if err != nil || q.service.isStopping() {
			return claimed, err
		}
	}
	return claimed, failed
}

// claimShareOf claims the first runs of a workflow's queue. Those that cannot be
// read stay there, and take nothing of its share.
func (q *queue) claimShareOf(ctx context.Context, set string) (claimed int, err error) {
	for after, tried := "", 0; tried < claimShare; {
		ids, err := q.store.Range(ctx, state.Range{Set: set, After: after, Limit: claimShare})
		if err != nil {
			return claimed, err
		}
		n, all := q.claimAll(ids)
		if claimed += n; !all {
			return claimed, nil
		}
		for _, id := range ids {
			if !q.corrupt.contains(id) {
				tried++
			}
		}
		if len(ids) < claimShare {
			return claimed, nil
		}
		after = ids[len(ids)-1]
	}
	return claimed, nil
}

// claimAll claims runs, all at once: the store writes them together. It reports how many
// it has claimed, and whether it tried all: the service is not stopping.
func (q *queue) claimAll(ids []string) (claimed int, all bool) {
	var claims sync.WaitGroup
	var n atomic.Int64
	defer func() { claims.Wait(); claimed = int(n.Load()) }()
	for _, id := range ids {
		if !q.active.waitSlot(q.service.stopping) {
			return 0, false
		}
		claims.Go(func() {
			if q.claimQueued(id) {
				n.Add(1)
			}
		})
	}
	return 0, true
}

// claimQueued claims a run from the queue. The caller has a slot.
func (q *queue) claimQueued(id string) bool {
	return q.tryClaim(id, func(ctx context.Context, a *activity) (*execution, error) {
		r, data, err := q.load(ctx, id, a)
		if err != nil || r == nil || r.record.Lease != "" || r.record.Status != workflow.RunQueued || r.record.Throttled {
			return nil, err
		}
		events, err := r.eventsInQueue(ctx)
		if err != nil {
			return nil, err
		}
		return r.claim(events, extra{conditions: []state.Op{state.RequireValue(layout.BucketRun, id, data)}})
	})
}

// eventsInQueue reads what has happened to a run while it was queued: its messages, the
// timer that it has left its wait for, and the end of its time. It returns the events of
// the last two: they come before any call that would follow.
func (r *execution) eventsInQueue(ctx context.Context) ([]workflow.Event, error) {
	if _, err := r.readInbox(ctx); err != nil {
		return nil, err
	}
	over := !r.record.StartedAt.IsZero() && r.machine.IsOver(r.now())
	if !r.record.Due && !over {
		return nil, nil
	}
	return r.dueEvents(r.record.ID)
}

// measure counts the queued runs, up to the limit.
func (q *queue) measure(ctx context.Context) error {
	count := 0
	queues, err := q.reader.queued(ctx)
	if err != nil {
		return err
	}
	for _, set := range queues {
		for after := ""; count <= q.limit; {
			ids, err := q.store.Range(ctx, state.Range{Set: set, After: after, Limit: 10 * page})
			if err != nil {
				return err
			}
			count += len(ids)
			if len(ids) < 10*page {
				break
			}
			after = ids[len(ids)-1]
		}
	}
	q.waiting.Store(int64(count))
	return nil
}

// add counts a run that was queued, until the next measure.
func (q *queue) add() {
	q.waiting.Add(1)
	q.wakeups.queue.Wake()
}

// isFull reports whether the queue has reached its limit.
func (q *queue) isFull() bool { return q.waiting.Load() >= int64(q.limit) }
