package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	processlease "github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// flows are a workflow that fails until it is mended, one whose outcome is then not
// known, and one that waits.
var flows = []string{
	`{"id":"fails","steps":[{"id":"a","type":"fail","message":"no","code":"no_luck"}]}`,
	`{"id":"refused","input":{"type":"object"},"steps":[{"id":"a","type":"fail","message":"no","code":"refused"}]}`,
	`{"id":"waits","steps":[{"id":"w","type":"waitForEvent","event":"go"}]}`,
	`{"id":"hangs","steps":[{"id":"pay","type":"vendor","action":"charge"}]}`,
	`{"id":"unknown","steps":[{"id":"pay","type":"vendor","action":"pay"}]}`,
	`{"id":"exhausted","steps":[{"id":"pay","type":"vendor","action":"charge","retry":{"maxAttempts":1}}]}`,
}

// vendor is an integration whose calls have an unknown outcome.
type vendor struct{}

func (vendor) Name() string { return "vendor" }
func (vendor) Manifest() *sdk.Manifest {
	return &sdk.Manifest{Name: "vendor", Version: "1.0.0", Actions: []sdk.ActionSpec{
		{Name: "charge", Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 24 * time.Hour, Params: json.RawMessage(`{"type":"object"}`)},
		{Name: "pay", Writes: true, Repeat: sdk.RepeatNone, Params: json.RawMessage(`{"type":"object"}`)}}}
}
func (vendor) Status() action.Status { return action.Status{State: action.StateReady} }
func (vendor) Execute(context.Context, action.Call) (sdk.Result, error) {
	return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Message: "lost", Retryable: true, Outcome: sdk.OutcomeUnknown}
}

// process is a gateway process: an engine and a manager under one lease.
type process struct {
	*Manager
	t      *testing.T
	engine *engine.Engine
	lease  *processlease.Lease
	store  *deadlyStore
	scopes *atomic.Pointer[[]string] // of the caller
}

// deadlyStore is a store that stops to answer after some commits: its process is
// as good as dead.
type deadlyStore struct {
	state.Store
	commits atomic.Int64
	dies    atomic.Int64 // at this commit; 0 is never
	before  bool         // it was not applied
}

func (s *deadlyStore) Commit(ctx context.Context, ops ...state.Op) error {
	n := s.commits.Add(1)
	if dies := s.dies.Load(); dies > 0 && n >= dies {
		if n == dies && !s.before {
			_ = s.Store.Commit(ctx, ops...)
		}
		return state.ErrUnavailable
	}
	return s.Store.Commit(ctx, ops...)
}

func (s *deadlyStore) dead() bool {
	dies := s.dies.Load()
	return dies > 0 && s.commits.Load() >= dies
}

func newProcess(t *testing.T, node string, store *deadlyStore) *process {
	t.Helper()
	held, err := processlease.Acquire(t.Context(), store.Store, processlease.Options{Node: node})
	must(t, err)
	registry, err := action.NewRegistry(vendor{})
	must(t, err)
	p := &process{t: t, lease: held, store: store, scopes: &atomic.Pointer[[]string]{}}
	p.grant("runs:write", "workflows:fails:run", "workflows:refused:run")
	p.engine = engine.New(engine.Options{Store: store.Store, Lease: held, Actions: registry})
	p.Manager = New(Options{Store: store, Lease: held, Runs: bulkRuns{p.engine, store}, May: func(caller string, permission ...string) bool {
		return caller == ops.ID && slices.Contains(*p.scopes.Load(), strings.Join(permission, ":"))
	}})
	var definitions []*workflow.Definition
	for _, raw := range flows {
		d, err := workflow.Parse([]byte(raw), workflow.InputRoots)
		must(t, err)
		definitions = append(definitions, d)
	}
	must(t, p.engine.SetDefinitions(t.Context(), definitions))
	p.engine.Run()
	p.Manager.Run()
	return p
}

// bulkRuns is an engine whose changes are part of what its process writes.
type bulkRuns struct {
	*engine.Engine
	store *deadlyStore
}

func (r bulkRuns) alive(err error) error {
	n := r.store.commits.Add(1)
	switch {
	case r.store.dies.Load() == 0 || n < r.store.dies.Load():
		return err
	default:
		return state.ErrUnavailable
	}
}

func (r bulkRuns) Retry(ctx context.Context, request engine.RetryRequest) (engine.Run, error) {
	if r.store.dead() || r.store.before && r.store.commits.Load()+1 == r.store.dies.Load() {
		return engine.Run{}, r.alive(nil)
	}
	run, err := r.Engine.Retry(ctx, request)
	return run, r.alive(err)
}

func (p *process) grant(scopes ...string) { p.scopes.Store(&scopes) }

func (p *process) stop() {
	p.Manager.Stop()
	must(p.t, p.engine.Stop(context.Background()))
	must(p.t, p.lease.Release(context.Background()))
}

var ops = Caller{ID: "token:ops", Name: "ops"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start starts runs and waits until they have nothing more to do.
func (p *process) start(workflowID string, n int) []string {
	p.t.Helper()
	var ids []string
	for range n {
		run, err := p.engine.Start(p.t.Context(), engine.StartRequest{Workflow: workflowID, Roots: map[string]value.Doc{"input": value.TrustedDoc([]byte(`{}`))}})
		must(p.t, err)
		ids = append(ids, run.ID)
		time.Sleep(time.Millisecond)
	}
	synctest.Wait()
	return ids
}

// retries is how often a run was retried.
func (p *process) retries(id string) int {
	p.t.Helper()
	progress, err := p.engine.Follow(p.t.Context(), id, -1)
	must(p.t, err)
	n := 0
	for _, event := range progress.Events {
		if event.Type == workflow.EventRetry {
			n++
		}
	}
	return n
}

func (p *process) create(request Request) Bulk {
	p.t.Helper()
	if request.ID == "" {
		request.ID = engine.NewRunID()
	}
	request.Caller = ops
	b, err := p.Create(p.t.Context(), request)
	must(p.t, err)
	return b
}

// ended waits until a bulk has ended.
func (p *process) ended(id string) Bulk {
	p.t.Helper()
	for range 10_000 {
		b, err := p.Manager.Get(p.t.Context(), id)
		must(p.t, err)
		if b.Status == StatusFinished || b.Status == StatusCancelled {
			return b
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.t.Fatal("the bulk does not end")
	return Bulk{}
}

func wantRefusal(t *testing.T, err error, code sdk.Code, message string) {
	t.Helper()
	if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("error %v, want %s: %s", err, code, message)
	}
}

func open() *deadlyStore { return &deadlyStore{Store: memory.New(memory.Options{})} }

func TestWhatAPreviewShowsIsWhatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		before := p.start("fails", 250)
		p.start("refused", 3)
		b := p.create(Request{Action: ActionRetry, DryRun: true, Filter: Filter{Workflow: "fails", Status: []workflow.RunStatus{workflow.RunFailed}}})
		if b.Status != StatusPreviewed || b.Counts.Total != 250 || b.Counts.Pending != 250 || len(b.Sample) != SampleSize || b.Sample[0].ID != before[249] {
			t.Fatalf("preview = %+v", b)
		}
		later := p.start("fails", 5)
		time.Sleep(time.Minute)
		if p.retries(before[0]) != 0 {
			t.Fatal("a preview has done something")
		}
		if b, err := p.Resume(t.Context(), b.ID, ops, engine.Once{}); err != nil || b.Status != StatusRunning {
			t.Fatalf("resume: %+v, %v", b, err)
		}
		began := time.Now()
		b = p.ended(b.ID)
		if b.Status != StatusFinished || b.Counts != (Counts{Total: 250, Done: 250}) || len(b.Reasons) != 0 || b.FinishedAt.IsZero() {
			t.Errorf("bulk = %+v", b)
		}
		if took := time.Since(began); took < 250*time.Second/ItemsPerSecond {
			t.Errorf("250 items took %s", took)
		}
		for _, id := range before {
			if n := p.retries(id); n != 1 {
				t.Fatalf("a run was retried %d times", n)
			}
		}
		for _, id := range later {
			if n := p.retries(id); n != 0 {
				t.Errorf("a run that failed after the preview was retried")
			}
		}
		var items []Item
		for cursor := ""; ; {
			page, next, err := p.Items(t.Context(), b.ID, cursor, 70)
			must(t, err)
			items = append(items, page...)
			if cursor = next; next == "" {
				break
			}
		}
		if len(items) != 250 || items[0] != (Item{Run: before[0], Result: ResultDone}) || items[249].Run != before[249] {
			t.Errorf("%d items, the first is %+v", len(items), items[0])
		}
		if _, _, err := p.Items(t.Context(), b.ID, "x", 10); !errors.Is(err, ErrBadCursor) {
			t.Errorf("cursor: %v", err)
		}
	})
}

// TestNoItemIsDoneTwiceWhateverWriteItsProcessDiesAt kills the process that works on
// a bulk at each of its writes, before and after that was applied.
func TestNoItemIsDoneTwiceWhateverWriteItsProcessDiesAt(t *testing.T) {
	const runs = 12
	for _, before := range []bool{true, false} {
		for dies := int64(1); dies <= 24; dies++ {
			synctest.Test(t, func(t *testing.T) {
				shared := memory.New(memory.Options{})
				first := &deadlyStore{Store: shared, before: before}
				a := newProcess(t, "a", first)
				ids := a.start("fails", runs)
				b := a.create(Request{Action: ActionRetry, Filter: Filter{Workflow: "fails"}})
				first.dies.Store(first.commits.Load() + dies)
				time.Sleep(10 * time.Second)
				// The process is dead: what it has in mind is lost, and so is its lease.
				must(t, shared.Commit(t.Context(), state.Delete(layout.BucketLease, a.lease.ID())))
				a.Manager.Stop()

				second := newProcess(t, "b", &deadlyStore{Store: shared})
				ended := second.ended(b.ID)
				if ended.Counts.Done != runs || ended.Counts.Total != runs {
					t.Errorf("died at write %d: %+v, %v", dies, ended.Counts, ended.Reasons)
				}
				for _, id := range ids {
					if n := second.retries(id); n != 1 {
						t.Errorf("died at write %d: a run was retried %d times", dies, n)
					}
				}
				second.stop()
				dead, cancel := context.WithCancel(context.Background())
				cancel()
				_ = a.engine.Stop(dead)
				_ = a.lease.Release(context.Background())
			})
		}
	}
}

func TestABulkIsPausedResumedAndCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		ids := p.start("fails", 200)
		b := p.create(Request{Action: ActionRetry, Filter: Filter{Workflow: "fails"}})
		time.Sleep(2 * time.Second)
		if b, err := p.Pause(t.Context(), b.ID, engine.Once{}); err != nil || b.Status != StatusPaused {
			t.Fatalf("pause: %+v, %v", b, err)
		}
		_, err := p.Pause(t.Context(), b.ID, engine.Once{})
		wantRefusal(t, err, sdk.CodeConflict, "the bulk is paused")
		time.Sleep(time.Second)
		paused, err := p.Manager.Get(t.Context(), b.ID)
		must(t, err)
		time.Sleep(time.Hour)
		again, err := p.Manager.Get(t.Context(), b.ID)
		must(t, err)
		if again.Counts != paused.Counts || paused.Counts.Done == 0 || paused.Counts.Pending == 0 {
			t.Fatalf("paused at %+v, and an hour later at %+v", paused.Counts, again.Counts)
		}
		_, err = p.Resume(t.Context(), b.ID, Caller{ID: "token:other", Name: "other"}, engine.Once{})
		wantRefusal(t, err, sdk.CodeForbidden, "the bulk is of ops")
		_, err = p.Resume(t.Context(), b.ID, ops, engine.Once{})
		must(t, err)
		time.Sleep(time.Second)
		_, err = p.Manager.Cancel(t.Context(), b.ID, engine.Once{})
		must(t, err)
		time.Sleep(time.Minute)
		ended := p.ended(b.ID)
		done := 0
		for _, id := range ids {
			done += p.retries(id)
		}
		if ended.Status != StatusCancelled || ended.Counts.Done != done || ended.Counts.Pending != 200-done || done <= paused.Counts.Done {
			t.Errorf("cancelled: %+v, %d runs were retried", ended, done)
		}
		_, err = p.Manager.Cancel(t.Context(), b.ID, engine.Once{})
		wantRefusal(t, err, sdk.CodeConflict, "the bulk is cancelled already")
		_, err = p.Resume(t.Context(), b.ID, ops, engine.Once{})
		wantRefusal(t, err, sdk.CodeConflict, "the bulk is cancelled")
	})
}

func TestACallerHasOneRunningBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		p.start("fails", 100)
		request := Request{Action: ActionRetry, Filter: Filter{Workflow: "fails"}}
		first := p.create(request)
		request.ID, request.Caller = engine.NewRunID(), ops
		_, err := p.Create(t.Context(), request)
		wantRefusal(t, err, sdk.CodeConflict, "bulk "+first.ID+" of ops is running")
		request.DryRun = true
		preview := p.create(request)
		_, err = p.Resume(t.Context(), preview.ID, ops, engine.Once{})
		wantRefusal(t, err, sdk.CodeConflict, "bulk "+first.ID+" of ops is running")
		other := request
		other.ID, other.DryRun, other.Caller = engine.NewRunID(), false, Caller{ID: "token:other", Name: "other"}
		if _, err := p.Create(t.Context(), other); err != nil {
			t.Errorf("another caller: %v", err)
		}
		_, err = p.Pause(t.Context(), first.ID, engine.Once{})
		must(t, err)
		_, err = p.Resume(t.Context(), preview.ID, ops, engine.Once{})
		must(t, err)
		_, err = p.Resume(t.Context(), first.ID, ops, engine.Once{})
		wantRefusal(t, err, sdk.CodeConflict, "bulk "+preview.ID+" of ops is running")
		p.ended(preview.ID)
		_, err = p.Resume(t.Context(), first.ID, ops, engine.Once{})
		must(t, err)
		p.ended(first.ID)
	})
}

func TestEachItemIsDoneWithTheScopesThatItsCallerHasThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		ids := p.start("fails", 150)
		b := p.create(Request{Action: ActionRetry, Filter: Filter{Workflow: "fails"}})
		time.Sleep(time.Second)
		p.grant()
		ended := p.ended(b.ID)
		done := 0
		for _, id := range ids {
			done += p.retries(id)
		}
		if done == 0 || ended.Counts.Done != done || ended.Counts.Failed != 150-done || ended.Reasons[sdk.CodeForbidden] != 150-done {
			t.Errorf("bulk = %+v, %d runs were retried", ended, done)
		}
		p.grant("runs:write", "workflows:fails:run")
		p.start("refused", 1)
		b = p.create(Request{Action: ActionRerun, Filter: Filter{Status: []workflow.RunStatus{workflow.RunFailed}}})
		ended = p.ended(b.ID)
		if ended.Counts.Done != 150 || ended.Reasons[sdk.CodeForbidden] != 1 {
			t.Errorf("rerun with the scope of one workflow: %+v", ended)
		}
		items, _, err := p.Items(t.Context(), b.ID, "", 1)
		must(t, err)
		again, err := p.engine.Get(t.Context(), items[0].RerunAs)
		if err != nil || again.RerunOf != items[0].Run || again.StartedBy.Token != "ops" {
			t.Errorf("item %+v was rerun as %+v, %v", items[0], again, err)
		}
	})
}

// TestAnUnknownOutcomeIsSkippedUnlessItIsNamed: also where the error keeps the code of the
// integration, since the call may be repeated.
func TestAnUnknownOutcomeIsSkippedUnlessItIsNamed(t *testing.T) {
	for id, code := range map[string]sdk.Code{"unknown": sdk.CodeOutcomeUnknown, "exhausted": sdk.CodeTimeout} {
		t.Run(id, func(t *testing.T) { testUnknownOutcome(t, id, code) })
	}
}

func testUnknownOutcome(t *testing.T, id string, code sdk.Code) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		unknown := p.start(id, 2)
		p.start("fails", 1)
		if run, err := p.engine.Get(t.Context(), unknown[0]); err != nil || run.Error == nil || run.Error.Err.Code != code {
			t.Fatalf("run = %+v, %v", run.Error, err)
		}
		b := p.create(Request{Action: ActionRetry, Filter: Filter{Status: []workflow.RunStatus{workflow.RunFailed}}})
		if b.Counts.Total != 3 || b.Counts.OutcomeUnknown != 2 {
			t.Errorf("preview = %+v", b.Counts)
		}
		ended := p.ended(b.ID)
		if ended.Counts.Done != 1 || ended.Counts.Skipped != 2 || ended.Reasons[sdk.CodeOutcomeUnknown] != 2 || p.retries(unknown[0]) != 0 {
			t.Errorf("bulk = %+v", ended)
		}
		b = p.create(Request{Action: ActionRetry, Filter: Filter{Error: sdk.CodeOutcomeUnknown}})
		if ended := p.ended(b.ID); ended.Counts.Total != 2 || ended.Counts.Done != 2 || p.retries(unknown[0]) != 1 {
			t.Errorf("named: %+v", ended)
		}
		b = p.create(Request{Action: ActionRerun, Filter: Filter{Error: sdk.CodeOutcomeUnknown}})
		if ended := p.ended(b.ID); ended.Counts.Done != 0 {
			t.Errorf("a run with an unknown outcome was run again: %+v", ended)
		}
	})
}

func TestRunsThatTryAgainAreCancelledThoughAnOutcomeIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		ids := p.start("hangs", 2)
		b := p.create(Request{Action: ActionCancel, Filter: Filter{Workflow: "hangs"}})
		if ended := p.ended(b.ID); ended.Counts.Done != 2 {
			t.Errorf("bulk = %+v", ended)
		}
		synctest.Wait()
		if run, err := p.engine.Get(t.Context(), ids[0]); err != nil || run.Status != workflow.RunCancelled {
			t.Errorf("run = %s, %v", run.Status, err)
		}
	})
}

func TestWhatIsNotAsItWasAtThePreviewIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		ids := p.start("waits", 3)
		b := p.create(Request{Action: ActionCancel, DryRun: true, Filter: Filter{IDs: ids}})
		_, err := p.engine.Cancel(t.Context(), ids[1], engine.Once{})
		must(t, err)
		synctest.Wait()
		_, err = p.Resume(t.Context(), b.ID, ops, engine.Once{})
		must(t, err)
		ended := p.ended(b.ID)
		if ended.Counts.Done != 2 || ended.Reasons[sdk.CodeConflict] != 1 {
			t.Errorf("bulk = %+v", ended)
		}
		for _, id := range ids {
			if run, err := p.engine.Get(t.Context(), id); err != nil || run.Status != workflow.RunCancelled {
				t.Errorf("run = %s, %v", run.Status, err)
			}
		}
	})
}

func TestARequestForABulkIsToldItsFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		waiting := []workflow.RunStatus{workflow.RunSucceeded}
		for name, test := range map[string]struct {
			request Request
			want    string
		}{
			"an empty filter":     {Request{Action: ActionRetry}, "/filter name at least one of"},
			"an action not built": {Request{Action: "undo", Filter: Filter{Workflow: "w"}}, `/action there is no action "undo"; there are retry, cancel, rerun, replay`},
			"a status":            {Request{Action: ActionRetry, Filter: Filter{Status: waiting}}, "/filter/status/0 retry does not apply to runs that are succeeded, only to failed, waiting"},
			"times":               {Request{Action: ActionRetry, Filter: Filter{Since: time.Now(), Until: time.Now()}}, "/filter/until until is not after since"},
			"a run that is not":   {Request{Action: ActionRetry, Filter: Filter{IDs: []string{"nope"}}}, "/filter/ids/0 there is no run nope"},
			"too many ids":        {Request{Action: ActionRetry, Filter: Filter{IDs: make([]string, MaxIDs+1)}}, "/filter/ids 10001 ids are more than"},
		} {
			test.request.ID = engine.NewRunID()
			_, err := p.Create(t.Context(), test.request)
			e, ok := errors.AsType[*sdk.Error](err)
			if !ok || e.Code != sdk.CodeInvalidParams || len(e.Faults) != 1 || !strings.HasPrefix(e.Faults[0].Pointer+" "+e.Faults[0].Message, test.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := p.Manager.Get(t.Context(), "nope"); !errors.Is(err, ErrNotFound) {
			t.Errorf("no such bulk: %v", err)
		}
	})
}

// manyRuns lists more runs than a bulk may have.
type manyRuns struct{ Runs }

func (manyRuns) List(_ context.Context, request engine.ListRequest) (engine.List, error) {
	page := 0
	_, _ = fmt.Sscan(request.Cursor, &page)
	list := engine.List{NextCursor: fmt.Sprint(page + 1)}
	for i := range request.Limit {
		list.Runs = append(list.Runs, engine.Run{ID: fmt.Sprintf("%08d", page*request.Limit+i), Workflow: request.Workflow, Status: request.Statuses[0]})
	}
	return list, nil
}

func TestAFilterThatSelectsTooManyRunsIsRefused(t *testing.T) {
	m := New(Options{Store: memory.New(memory.Options{}), Runs: manyRuns{}})
	_, err := m.Create(t.Context(), Request{ID: "b", Action: ActionCancel, Filter: Filter{Workflow: "w"}})
	if e, ok := errors.AsType[*sdk.Error](err); !ok || len(e.Faults) != 1 || !strings.Contains(e.Faults[0].Message, "more than 100000 runs match") {
		t.Errorf("error %v", err)
	}
}

func TestAFilterSelectsByAllThatItNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		old := p.start("fails", 3)
		time.Sleep(time.Hour)
		since := time.Now()
		middle := p.start("fails", 2)
		time.Sleep(time.Hour)
		until := time.Now()
		recent := p.start("refused", 4)
		for name, test := range map[string]struct {
			filter Filter
			want   []string
		}{
			"since":        {Filter{Since: since}, slices.Concat(middle, recent)},
			"until":        {Filter{Until: since}, old},
			"between":      {Filter{Since: since, Until: until}, middle},
			"an error":     {Filter{Error: "refused"}, recent},
			"ids":          {Filter{IDs: []string{old[1], recent[0], old[1]}}, []string{old[1], recent[0]}},
			"ids and more": {Filter{IDs: []string{old[1], recent[0]}, Workflow: "fails"}, old[1:2]},
			"nothing":      {Filter{Workflow: "nope"}, nil},
		} {
			b := p.create(Request{Action: ActionRetry, DryRun: true, Filter: test.filter})
			items, _, err := p.Items(t.Context(), b.ID, "", 100)
			must(t, err)
			var got []string
			for _, item := range items {
				got = append(got, item.Run)
			}
			if !slices.Equal(got, test.want) || b.Counts.Total != len(test.want) {
				t.Errorf("%s: %v, want %v", name, got, test.want)
			}
		}
		if b := p.create(Request{Action: ActionRetry, Filter: Filter{Workflow: "nope"}}); b.Status != StatusFinished {
			t.Errorf("a bulk without items is %s", b.Status)
		}
	})
}

func TestABulkIsMadeOnceForItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		defer p.stop()
		p.start("fails", 1)
		once := engine.Once{Bucket: layout.BucketIdempotency, Key: "k", Value: []byte("v")}
		request := Request{Action: ActionRetry, DryRun: true, Filter: Filter{Workflow: "fails"}, Once: once}
		b := p.create(request)
		request.ID = engine.NewRunID()
		if _, err := p.Create(t.Context(), request); !errors.Is(err, engine.ErrDuplicate) {
			t.Errorf("made twice: %v", err)
		}
		once.Key = "r"
		_, err := p.Resume(t.Context(), b.ID, ops, once)
		must(t, err)
		p.ended(b.ID)
	})
}

func TestABulkExpiresWithAllThatIsKeptOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess(t, "a", open())
		p.start("fails", 120)
		b := p.create(Request{Action: ActionRetry, Filter: Filter{Workflow: "fails"}})
		time.Sleep(time.Second)
		_, err := p.Pause(t.Context(), b.ID, engine.Once{})
		must(t, err)
		running := p.create(Request{Action: ActionCancel, Filter: Filter{IDs: p.start("waits", 1)}})
		p.ended(running.ID)
		p.stop()
		time.Sleep(Retention)
		if _, err := p.Manager.Get(t.Context(), b.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("an old bulk: %v", err)
		}
		for _, n := range []int{0, 1} {
			found, err := p.store.Get(t.Context(), state.Ref{Bucket: layout.BucketBulkChunk, ID: chunkID(b.ID, n)})
			if err != nil || found[0] != nil {
				t.Errorf("chunk %d is kept, %v", n, err)
			}
		}
	})
}

func TestABulkIsHandedOverWhenItsProcessStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memory.New(memory.Options{})
		a := newProcess(t, "a", &deadlyStore{Store: shared})
		ids := a.start("fails", 200)
		b := a.create(Request{Action: ActionRetry, Filter: Filter{Workflow: "fails"}})
		other := newProcess(t, "b", &deadlyStore{Store: shared})
		defer other.stop()
		time.Sleep(2*time.Second + 500*time.Millisecond)
		a.stop()
		began := time.Now()
		handed, err := other.Manager.Get(t.Context(), b.ID)
		if err != nil || handed.Counts.Done == 0 || handed.Counts.Pending == 0 {
			t.Fatalf("handed over at %+v, %v", handed.Counts, err)
		}
		ended := other.ended(b.ID)
		if ended.Counts.Done != 200 || time.Since(began) > 10*time.Second {
			t.Errorf("bulk = %+v after %s", ended.Counts, time.Since(began))
		}
		for _, id := range ids {
			if n := other.retries(id); n != 1 {
				t.Fatalf("a run was retried %d times", n)
			}
		}
	})
}
