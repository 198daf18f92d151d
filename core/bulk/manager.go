package bulk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/wakeup"
	"github.com/backflow/backflow/sdk"
)

// Runs changes and shows runs. *engine.Engine is one.
type Runs interface {
	Get(ctx context.Context, id string) (engine.Run, error)
	List(ctx context.Context, request engine.ListRequest) (engine.List, error)
	Retry(ctx context.Context, request engine.RetryRequest) (engine.Run, error)
	Rerun(ctx context.Context, request engine.RerunRequest) (engine.Run, error)
	Cancel(ctx context.Context, id string, once engine.Once) (engine.Run, error)
}

var _ Runs = (*engine.Engine)(nil)

// Events shows and replays events. *event.Events is one.
type Events interface {
	List(ctx context.Context, query event.Query) (event.Page, error)
	Get(ctx context.Context, ref event.Ref) (event.Detail, error)
	Replay(ctx context.Context, request event.ReplayRequest) (event.View, error)
}

var _ Events = (*event.Events)(nil)

// Lease is the lease of this process.
type Lease interface {
	ID() string
	// Fence is a condition that fails once the lease was taken away.
	Fence() state.Op
	// Alive reports whether a lease, this one or another's, still exists. One that
	// is gone does not come back.
	Alive(ctx context.Context, id string) (bool, error)
}

// Options are what a Manager is made of. Store, Lease, Runs, Events and May are required;
// runs and events are in the same store.
type Options struct {
	Store  state.Store
	Lease  Lease
	Runs   Runs
	Events Events
	// May reports whether the caller of that id has, now, a scope that covers a
	// permission: see access.Scope.Grants. A caller that is not known any more has
	// none.
	May    func(callerID string, permission ...string) bool
	Logger *slog.Logger
	// Now is the clock for recorded times; nil is time.Now.
	Now func() time.Time
}

// Manager makes bulks and works on those that are running. Its methods are safe for
// concurrent use.
type Manager struct {
	store  state.Store
	lease  Lease
	runs   Runs
	events Events
	may    func(callerID string, permission ...string) bool
	log    *slog.Logger
	outage *outage.Log
	now    func() time.Time

	wakeup   wakeup.Wakeup // of the loop
	stopping context.Context
	stop     context.CancelFunc
	loop     sync.WaitGroup
}

// New makes a manager. It works on nothing before Run.
func New(o Options) *Manager {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Manager{
		store: o.Store, lease: o.Lease, runs: o.Runs, events: o.Events, may: o.May, log: o.Logger, now: o.Now,
		outage: outage.New(o.Logger, outage.Trouble("bulks")), wakeup: wakeup.New(),
	}
	m.stopping, m.stop = context.WithCancel(context.Background())
	return m
}

// Run begins to work on bulks, also on those that an earlier process left behind,
// until Stop. It returns at once.
func (m *Manager) Run() { m.loop.Go(m.work) }

// Stop hands the bulks over after the item that is being done. It may be called
// again.
func (m *Manager) Stop() {
	m.stop()
	m.loop.Wait()
}

// Create fixes the items of a bulk and, unless it is a dry run, has it run. It
// returns once the bulk is on stable storage.
//
// Errors: *sdk.Error with every fault of the request, or where the filter selects
// more than MaxItems; one with CodeConflict where another bulk of the caller is
// running; an error that matches engine.ErrDuplicate where req.Once is taken;
// engine.ErrFenced; those that match state.ErrUnavailable.
func (m *Manager) Create(ctx context.Context, req Request) (Bulk, error) {
	if faults := req.check(); len(faults) > 0 {
		return Bulk{}, sdkFaults("the request for a bulk is not valid", faults...)
	}
	found, err := m.find(ctx, &req)
	if err != nil {
		return Bulk{}, err
	}
	now := m.now().UTC()
	rec := &record{
		Version: formatVersion, ID: req.ID, Action: req.Action, Filter: req.Filter, Status: StatusPreviewed,
		CallerID: req.Caller.ID, Caller: req.Caller.Name, RequestID: req.RequestID, Permission: req.Permission, Unknown: req.Unknown, CreatedAt: now,
		Counts: Counts{Total: len(found.ids), OutcomeUnknown: found.outcomeUnknown},
	}
	if err := m.writeChunks(ctx, rec, found.ids); err != nil {
		return Bulk{}, err
	}
	if !req.DryRun {
		rec.begin(now)
	}
	for range maxTries {
		ops := append(req.Once.Ops(), m.lease.Fence())
		if rec.Status == StatusRunning {
			slot, err := m.slotOps(ctx, rec)
			if err != nil {
				return Bulk{}, err
			}
			ops = append(append(ops, slot...), state.Add(layout.SetBulksRunning, rec.ID))
		}
		ops = append(ops, state.Insert(layout.BucketBulk, rec.ID, encode(rec), Retention))
		again, err := m.commit(ctx, req.Once, ops)
		if again {
			continue
		}
		if err != nil {
			return Bulk{}, err
		}
		m.wakeup.Wake()
		b := rec.view()
		b.Sample, b.SampleEvents = found.sample, found.events
		return b, nil
	}
	return Bulk{}, ErrBusy
}

// begin turns a record into that of a bulk that is running; of one without items
// into that of one that is finished.
func (r *record) begin(now time.Time) {
	if r.StartedAt.IsZero() {
		r.StartedAt = now
	}
	if r.Status = StatusRunning; r.Next == r.Counts.Total {
		r.Status, r.FinishedAt = StatusFinished, now
	}
}

// chunksAtOnce is how many chunks are written in one commit.
const chunksAtOnce = 50

// writeChunks writes the items of a bulk. Without its record they mean nothing, and
// expire.
func (m *Manager) writeChunks(ctx context.Context, rec *record, ids []string) error {
	ops := []state.Op{m.lease.Fence()}
	for n := 0; n*chunkSize < len(ids); n++ {
		c := chunk{Version: formatVersion}
		for _, id := range ids[n*chunkSize : min((n+1)*chunkSize, len(ids))] {
			c.Items = append(c.Items, rec.item(id))
		}
		ops = append(ops, state.Put(layout.BucketBulkChunk, chunkID(rec.ID, n), encode(c), Retention))
		if len(ops) > chunksAtOnce {
			if _, err := m.commit(ctx, engine.Once{}, ops); err != nil {
				return err
			}
			ops = ops[:1]
		}
	}
	if len(ops) == 1 {
		return nil
	}
	_, err := m.commit(ctx, engine.Once{}, ops)
	return err
}

// slotOps returns the ops that make a bulk the running one of its caller. The error
// names the one that is.
func (m *Manager) slotOps(ctx context.Context, rec *record) ([]state.Op, error) {
	found, err := m.store.Get(ctx, state.Ref{Bucket: layout.BucketBulkCaller, ID: rec.CallerID})
	if err != nil {
		return nil, fmt.Errorf("bulk: %w", err)
	}
	taken := found[0]
	if taken == nil {
		return []state.Op{state.Insert(layout.BucketBulkCaller, rec.CallerID, []byte(rec.ID), Retention)}, nil
	}
	other, _, err := m.read(ctx, string(taken))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if other != nil && other.Status == StatusRunning {
		return nil, sdk.Refuse(sdk.CodeConflict, "bulk %s of %s is running: a caller has one at a time", other.ID, rec.Caller)
	}
	// That bulk has expired.
	return []state.Op{
		state.RequireValue(layout.BucketBulkCaller, rec.CallerID, taken),
		state.Put(layout.BucketBulkCaller, rec.CallerID, []byte(rec.ID), Retention),
	}, nil
}

// maxTries bounds how often a write is tried that others come before.
const maxTries = 8

// commit writes, and reports whether another write came first: then it is to be
// tried again with what there is now.
func (m *Manager) commit(ctx context.Context, once engine.Once, ops []state.Op) (again bool, err error) {
	err = m.store.Commit(ctx, ops...)
	if err == nil {
		return false, nil
	}
	lost, ok := errors.AsType[*state.ConflictError](err)
	switch {
	case !ok:
		return false, fmt.Errorf("bulk: %w", err)
	case once.Bucket != "" && lost.Failed(state.Insert(once.Bucket, once.Key, nil, 0)):
		return false, &engine.DuplicateError{}
	case lost.Failed(m.lease.Fence()):
		return false, fmt.Errorf("%w: %w", engine.ErrFenced, err)
	default:
		return true, err
	}
}

// read returns a record with its bytes, or ErrNotFound.
func (m *Manager) read(ctx context.Context, id string) (*record, []byte, error) {
	found, err := m.store.Get(ctx, state.Ref{Bucket: layout.BucketBulk, ID: id})
	if err != nil {
		return nil, nil, fmt.Errorf("bulk: %w", err)
	}
	if found[0] == nil {
		return nil, nil, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	rec, err := decodeRecord(found[0])
	return rec, found[0], err
}

// Get returns a bulk, or ErrNotFound.
func (m *Manager) Get(ctx context.Context, id string) (Bulk, error) {
	rec, _, err := m.read(ctx, id)
	if err != nil {
		return Bulk{}, err
	}
	return rec.view(), nil
}

// Items returns the items of a bulk from a cursor on, at most limit of them, in the
// order in which they are done. The cursor is empty for the first, and so is that of
// the next page if none follow. Errors: ErrNotFound, ErrBadCursor.
func (m *Manager) Items(ctx context.Context, id, cursor string, limit int) (items []Item, next string, err error) {
	rec, _, err := m.read(ctx, id)
	if err != nil {
		return nil, "", err
	}
	from := 0
	if cursor != "" {
		if from, err = strconv.Atoi(cursor); err != nil || from < 0 || strconv.Itoa(from) != cursor {
			return nil, "", ErrBadCursor
		}
	}
	for len(items) < limit && from < rec.Counts.Total {
		c, err := m.chunk(ctx, id, from/chunkSize)
		if err != nil {
			return nil, "", err
		}
		inside := from % chunkSize
		if inside >= len(c.Items) {
			return nil, "", fmt.Errorf("bulk: chunk %d of %s has %d items", from/chunkSize, id, len(c.Items))
		}
		for _, item := range c.Items[inside:min(len(c.Items), inside+limit-len(items))] {
			items = append(items, item.view())
			from++
		}
	}
	if from < rec.Counts.Total {
		next = strconv.Itoa(from)
	}
	return items, next, nil
}

func (i *storedItem) view() Item {
	item := Item{Run: i.Run, Event: i.Event, Result: i.Result, Code: i.Code, Detail: i.Detail, RerunAs: i.RerunAs}
	if item.Result == "" {
		item.Result = ResultPending
	}
	return item
}

func (m *Manager) chunk(ctx context.Context, id string, n int) (*chunk, error) {
	found, err := m.store.Get(ctx, state.Ref{Bucket: layout.BucketBulkChunk, ID: chunkID(id, n)})
	if err != nil {
		return nil, fmt.Errorf("bulk: %w", err)
	}
	if found[0] == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, id) // it expires with the record
	}
	return decodeChunk(found[0])
}
