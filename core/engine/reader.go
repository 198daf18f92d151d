package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/sync/semaphore"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// page is how many members of a set, or timers, are read at once.
const page = 200

// reader reads runs and their index from the store. It is safe for concurrent use.
type reader struct {
	store       state.Store
	definitions *definitions
	limits      workflow.Limits     // of what the machines decide
	loading     *semaphore.Weighted // of maxLoadingMiB
}

// newMachine makes the machine of a run before its first event.
func (r *reader) newMachine(definition *workflow.Definition, id string) *workflow.Machine {
	m := workflow.NewMachine(definition, id)
	m.SetLimits(r.limits)
	return m
}

// storedRun is a run as the store has it: its record, and the machine that its
// journal was folded into.
type storedRun struct {
	machine *workflow.Machine
	record  runRecord
	entries int // the length of the journal
}

const (
	// entriesAtOnce is how many entries of a journal are read at once.
	entriesAtOnce = 16
	// maxLoadingMiB bounds what is in memory of runs that are being loaded, in MiB of
	// their values. Further loads of runs of a MiB or more wait for their turn.
	maxLoadingMiB = 64
)

// load reads a run and folds its journal; nil if there is no such run. It also
// returns the record's bytes, for a compare-and-swap.
func (r *reader) load(ctx context.Context, id string) (run *storedRun, data []byte, err error) {
	data, err = r.use(ctx, id, func(loaded *storedRun) { run = loaded })
	return run, data, err
}

// use is load for a run that is looked at and then forgotten. It does not call look
// if there is no such run.
func (r *reader) use(ctx context.Context, id string, look func(*storedRun)) (data []byte, err error) {
	found, err := r.store.Get(ctx, state.Ref{Bucket: layout.BucketRun, ID: id})
	if err != nil {
		return nil, fmt.Errorf("engine: load run %s: %w", id, err)
	}
	if found[0] == nil {
		return nil, nil
	}
	rec, err := decodeRecord(id, found[0])
	if err != nil {
		return nil, err
	}
	weight := int64(min(rec.MiB, maxLoadingMiB))
	if err := r.loading.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	defer r.loading.Release(weight)
	definition, err := r.definitions.pinned(ctx, rec.Definition)
	if err != nil {
		return nil, corrupt(id, "its definition", err)
	}
	run := &storedRun{machine: r.newMachine(definition, id), record: *rec}
	if rec.Parent != nil {
		run.machine.SetChild()
	}
	if run.entries, err = r.fold(ctx, run.machine, id, math.MaxInt); err != nil {
		return nil, err
	}
	if run.entries == 0 { // a run is written with its first entry, and removed with all
		found, err := r.store.Get(ctx, state.Ref{Bucket: layout.BucketRun, ID: id})
		if err != nil || found[0] == nil {
			return nil, err
		}
		return nil, corrupt(id, "its journal", errors.New("it is not there"))
	}
	run.machine.Begin(rec.StartedAt)
	look(run)
	return found[0], nil
}

// fold applies at most so many entries of a run's journal to a machine, the first
// ones. It returns how many it has applied.
func (r *reader) fold(ctx context.Context, machine *workflow.Machine, id string, most int) (entries int, err error) {
	for entries < most {
		events, read, err := r.events(ctx, id, entries, min(entriesAtOnce, most-entries))
		if err != nil {
			return entries, err
		}
		for _, event := range events {
			if err := machine.Apply(event); err != nil {
				return entries, corrupt(id, fmt.Sprintf("its journal, from entry %d on", entries), err)
			}
		}
		if entries += read; read < entriesAtOnce {
			break
		}
	}
	return entries, nil
}

// events reads the events of at most so many entries of a journal, from one on. It
// also returns how many entries these are.
func (r *reader) events(ctx context.Context, id string, from, most int) (events []workflow.Event, read int, err error) {
	entries, err := r.store.Journal(ctx, id, from, most)
	if errors.Is(err, state.ErrCorrupt) {
		return nil, 0, corrupt(id, "its journal", err)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("engine: journal of run %s: %w", id, err)
	}
	for i, data := range entries {
		entries[i] = nil // the events have copies
		inEntry, err := workflow.DecodeEntry(data)
		if err != nil {
			return nil, 0, corrupt(id, fmt.Sprintf("entry %d of its journal", from+i), err)
		}
		events = append(events, inEntry...)
	}
	return events, len(entries), nil
}

// view is the run as it is shown. It shares no memory that changes.
func (r *storedRun) view() Run {
	run := r.record.view()
	run.Waiting = r.record.waiting(r.machine.Waiting()) // older versions did not record it
	run.Output = r.machine.Output().Raw()
	run.Input = r.machine.Root("input")
	if run.Input == nil {
		run.Input = r.machine.Root("payload")
	}
	run.Steps = r.machine.Steps()
	if outcome, path := r.machine.Outcome(); outcome == sdk.OutcomeUnknown {
		run.OutcomeUnknown = path
	}
	if run.OutcomeUnknown == "" && run.Error != nil && run.Error.Err.Code == sdk.CodeOutcomeUnknown {
		run.OutcomeUnknown = run.Error.Step // of a run that it started
	}
	return run
}

// foundRecord is the record of a run, or why it cannot be read; neither where it is
// gone meanwhile.
type foundRecord struct {
	*runRecord
	err error // a *CorruptError
}

// records reads the records of runs.
func (r *reader) records(ctx context.Context, ids []string) ([]foundRecord, error) {
	found, err := r.stored(ctx, ids)
	if err != nil {
		return nil, err
	}
	records := make([]foundRecord, len(found))
	for i, data := range found {
		if data != nil {
			records[i].runRecord, records[i].err = decodeRecord(ids[i], data) //nolint:gosec // one value for each id
		}
	}
	return records, nil
}

// record reads the record of a run, or returns ErrNotFound.
func (r *reader) record(ctx context.Context, id string) (*runRecord, error) {
	records, err := r.records(ctx, []string{id})
	switch {
	case err != nil:
		return nil, err
	case records[0].err != nil:
		return nil, records[0].err
	case records[0].runRecord == nil:
		return nil, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return records[0].runRecord, nil
}

// stored reads the records of runs as they are stored.
func (r *reader) stored(ctx context.Context, ids []string) ([][]byte, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	refs := make([]state.Ref, len(ids))
	for i, id := range ids {
		refs[i] = state.Ref{Bucket: layout.BucketRun, ID: id}
	}
	found, err := r.store.Get(ctx, refs...)
	if err != nil {
		return nil, fmt.Errorf("engine: read runs: %w", err)
	}
	return found, nil
}

// workflows are the sets of the runs of each workflow.
func (r *reader) workflows(ctx context.Context) ([]string, error) {
	return r.named(ctx, layout.SetWorkflows, layout.SetRuns)
}

// queued are the sets of the runs of each workflow that wait for their turn.
func (r *reader) queued(ctx context.Context) ([]string, error) {
	return r.named(ctx, layout.SetQueues, layout.SetQueued)
}

// queues are the sets of all queued runs, throttled ones included.
func (r *reader) queues(ctx context.Context) ([]string, error) {
	queued, err := r.queued(ctx)
	if err != nil {
		return nil, err
	}
	throttled, err := r.named(ctx, layout.SetGroups, layout.SetThrottled)
	if err != nil {
		return nil, err
	}
	blocked, err := r.named(ctx, layout.SetWorkflows, layout.SetBlocked)
	if err != nil {
		return nil, err
	}
	return slices.Concat(queued, throttled, blocked), nil
}

// named are the sets KIND/NAME of all names that are members of a set.
func (r *reader) named(ctx context.Context, names, kind string) ([]string, error) {
	sets, err := r.all(ctx, names)
	for i, name := range sets {
		sets[i] = kind + "/" + name
	}
	return sets, err
}

// all are the members of a set that is not large.
func (r *reader) all(ctx context.Context, set string) (all []string, err error) {
	for after := ""; ; {
		members, err := r.store.Range(ctx, state.Range{Set: set, After: after, Limit: page})
		if err != nil {
			return nil, fmt.Errorf("engine: list %s: %w", set, err)
		}
		all = append(all, members...)
		if len(members) < page {
			return all, nil
		}
		after = members[len(members)-1]
	}
}

// member is a run's entry in a set.
type member struct {
	set, id string
	rest    string // what follows the id: a lease, a workflow, or nothing
}

// merged returns the members of several sets, whatever follows their ids, as if
// they were one: query selects them, but for its set. A run that is in two of them
// comes once.
func (r *reader) merged(ctx context.Context, sets []string, query state.Range) ([]member, error) {
	var all []member
	for _, query.Set = range sets {
		found, err := r.store.Range(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, text := range found {
			id, rest, _ := strings.Cut(text, "/")
			all = append(all, member{set: query.Set, id: id, rest: rest})
		}
	}
	slices.SortStableFunc(all, func(a, b member) int {
		if query.Reverse {
			a, b = b, a
		}
		return strings.Compare(a.id, b.id)
	})
	all = slices.CompactFunc(all, func(a, b member) bool { return a.id == b.id })
	return all[:min(len(all), query.Limit)], nil
}
