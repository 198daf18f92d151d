package engine

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

const (
	// censusTimeout bounds how long a reader of metrics waits for a count; when it
	// is over the reader gets the last one.
	censusTimeout = 2 * time.Second
	// censusEvery is how old a count may be at least. One that took long may be
	// older: counting takes at most a twentieth of the time.
	censusEvery = time.Second
	// censusShare is how many times as long as a count took it may be old.
	censusShare = 20
	// oldestRead is how many runs of a queue are read for the first that has not
	// begun.
	oldestRead = 8
)

// census counts the runs in the store that have not ended and that no process works
// on, when metrics are read. It reads sets of such runs alone: what it costs does
// not grow with the runs that have ended. It is safe for concurrent use.
type census struct {
	base
	reader  *reader
	metrics *metrics

	mu   sync.Mutex // guards the fields below, and is held while counting
	last *population
	next time.Time // when the last count is too old
}

// population is what a census found, by label of workflow.
type population struct {
	runs    map[presence]int
	waiting map[string]int // queued, and not throttled
	blocked map[string]int // queued, and waiting for their order or lane
	oldest  map[string]time.Time
}

// take returns how many runs there are. It is nil where the store could not be read
// yet.
func (c *census) take() *population {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := c.now()
	if begun.Before(c.next) {
		return c.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), censusTimeout)
	defer cancel()
	counted, err := c.count(ctx)
	if err == nil {
		c.last = counted
	}
	c.next = begun.Add(max(censusEvery, censusShare*c.now().Sub(begun)))
	return c.last
}

func (c *census) count(ctx context.Context) (*population, error) {
	found := &population{runs: map[presence]int{}, waiting: map[string]int{}, blocked: map[string]int{}, oldest: map[string]time.Time{}}
	for _, label := range c.metrics.labels() { // zero is a number, too
		found.waiting[label], found.blocked[label] = 0, 0
		for _, status := range append(idleStatuses[:], workflow.RunQueued) {
			found.runs[presence{label, status}] = 0
		}
	}
	workflows, err := c.reader.all(ctx, layout.SetWorkflows)
	if err != nil {
		return nil, err
	}
	groups, err := c.reader.all(ctx, layout.SetGroups)
	if err != nil {
		return nil, err
	}
	var sets []string
	var add []func(n int)
	for _, id := range workflows {
		label := c.metrics.workflow(id)
		for _, status := range idleStatuses {
			sets = append(sets, idleSet(status, id))
			add = append(add, func(n int) { found.runs[presence{label, status}] += n })
		}
		sets = append(sets, layout.SetQueued+"/"+id)
		add = append(add, func(n int) {
			found.runs[presence{label, workflow.RunQueued}] += n
			found.waiting[label] += n
		})
		sets = append(sets, layout.SetBlocked+"/"+id)
		add = append(add, func(n int) {
			found.runs[presence{label, workflow.RunQueued}] += n
			found.blocked[label] += n
		})
	}
	for _, group := range groups {
		id, _, _ := strings.Cut(group, "/")
		label := c.metrics.workflow(id)
		sets = append(sets, layout.SetThrottled+"/"+group)
		add = append(add, func(n int) { found.runs[presence{label, workflow.RunQueued}] += n })
	}
	counts, err := c.store.Count(ctx, sets...)
	if err != nil {
		return nil, err
	}
	for i, n := range counts {
		add[i](n)
		if id, queued := strings.CutPrefix(sets[i], layout.SetQueued+"/"); queued && n > 0 {
			if err := c.findOldest(ctx, found, id); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// findOldest notes since when the oldest queued run of a workflow waits that has
// not begun. One that was handed back, or is retried, has waited before.
func (c *census) findOldest(ctx context.Context, found *population, id string) error {
	ids, err := c.store.Range(ctx, state.Range{Set: layout.SetQueued + "/" + id, Limit: oldestRead})
	if err != nil {
		return err
	}
	records, err := c.reader.records(ctx, ids)
	if err != nil {
		return err
	}
	label := c.metrics.workflow(id)
	for _, rec := range records {
		if rec.runRecord == nil || !rec.StartedAt.IsZero() {
			continue
		}
		if oldest, known := found.oldest[label]; !known || rec.CreatedAt.Before(oldest) {
			found.oldest[label] = rec.CreatedAt
		}
		return nil
	}
	return nil
}
