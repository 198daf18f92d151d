package event

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// runs are runs that a test makes up.
type runs struct {
	kept map[string]engine.Run
}

func (r *runs) Lookup(_ context.Context, ids []string) (map[string]engine.Run, error) {
	found := map[string]engine.Run{}
	for _, id := range ids {
		if run, ok := r.kept[id]; ok {
			found[id] = run
		}
	}
	return found, nil
}

func (r *runs) Roots(_ context.Context, id string) (map[string]value.Doc, error) {
	if _, ok := r.kept[id]; !ok {
		return nil, engine.ErrNotFound
	}
	return map[string]value.Doc{"payload": value.TrustedDoc([]byte(`{}`)), "headers": value.TrustedDoc([]byte(`{}`))}, nil
}

func (r *runs) List(context.Context, engine.ListRequest) (engine.List, error) {
	var list engine.List
	for _, run := range r.kept {
		if run.Status == workflow.RunFailed {
			list.Runs = append(list.Runs, run)
		}
	}
	return list, nil
}

func (*runs) WorkflowsWith(context.Context, string) ([]string, error) {
	return []string{"webhook:w"}, nil
}

func (*runs) Start(context.Context, engine.StartRequest) (engine.Run, error) {
	panic("not to be called")
}

func (*runs) Replay(context.Context, engine.ReplayRequest) (engine.Run, error) {
	return engine.Run{}, engine.ErrNotFound
}

// archive is events with runs that have ended as they are to.
type archive struct {
	*Events
	t     *testing.T
	store state.Store
	runs  *runs
	now   time.Time
}

func newArchive(t *testing.T, retention time.Duration) *archive {
	a := &archive{t: t, store: memory.New(memory.Options{}), runs: &runs{kept: map[string]engine.Run{}}, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	a.Events = New(Options{Store: a.store, Runs: a.runs, Retention: retention, Now: func() time.Time { return a.now }})
	return a
}

// add makes an event whose run has a status.
func (a *archive) add(id string, status workflow.RunStatus) engine.Run {
	a.t.Helper()
	run := engine.Run{ID: engine.NewRunID(), Status: status, CreatedAt: a.now, StartedBy: engine.Initiator{Webhook: "w", Event: id}}
	if status == workflow.RunFailed {
		run.Error = &workflow.Failure{Origin: workflow.Origin{Step: "s"}, Err: &sdk.Error{Code: sdk.CodeDeclined, Message: "no"}}
	}
	a.runs.kept[run.ID] = run
	e := Event{ID: id, Type: "x", Webhook: "w", RunID: run.ID, ReceivedAt: a.now}
	if err := a.store.Commit(a.t.Context(), e.Once(nil).Ops()...); err != nil {
		a.t.Fatal(err)
	}
	a.now = a.now.Add(time.Second)
	return run
}

// remove removes a run as retention does.
func (a *archive) remove(run engine.Run) {
	a.t.Helper()
	delete(a.runs.kept, run.ID)
	if err := a.store.Commit(a.t.Context(), Removing(func() time.Time { return a.now })(run)...); err != nil {
		a.t.Fatal(err)
	}
}

// listed are the events with a status, as "ID STATUS".
func (a *archive) listed(statuses ...Status) (all []string) {
	a.t.Helper()
	page, err := a.List(a.t.Context(), Query{Statuses: statuses})
	if err != nil || page.NextCursor != "" {
		a.t.Fatal(page.NextCursor, err)
	}
	for _, v := range page.Events {
		all = append(all, fmt.Sprint(v.ID, " ", v.Status))
	}
	return all
}

func TestAnEventKeepsItsStatusWhenItsRunIsRemoved(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 0)
	good, bad, cancelled := a.add("good", workflow.RunSucceeded), a.add("bad", workflow.RunFailed), a.add("cancelled", workflow.RunCancelled)
	for _, run := range []engine.Run{good, bad, cancelled} {
		a.remove(run)
	}
	if got := a.listed(); !slices.Equal(got, []string{"cancelled failed", "bad failed", "good processed"}) {
		t.Errorf("listed are %v", got)
	}
	if got := a.listed(StatusFailed); !slices.Equal(got, []string{"cancelled failed", "bad failed"}) {
		t.Errorf("the failed ones are %v", got)
	}
	shown, err := a.Get(t.Context(), Ref{ID: "bad"})
	if err != nil || shown.Status != StatusFailed || shown.Error == nil || shown.Error.Err.Code != sdk.CodeDeclined || shown.Error.Step != "s" || shown.Payload != nil || shown.RunKept {
		t.Errorf("it is shown as %+v, %v", shown, err)
	}
	if _, err := a.Replay(t.Context(), ReplayRequest{Ref: Ref{ID: "bad"}}); err == nil || err.(*sdk.Error).Code != sdk.CodeConflict { //nolint:errorlint // it is the one made for this
		t.Errorf("a replay without a payload: %v", err)
	}
}

func TestTheRunThatWasReplacedSaysNothingOfItsEvent(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 0)
	run := a.add("e", workflow.RunFailed)
	found, err := a.find(t.Context(), Ref{ID: "e"})
	if err != nil {
		t.Fatal(err)
	}
	next := engine.Run{ID: engine.NewRunID(), Status: workflow.RunSucceeded}
	a.runs.kept[next.ID] = next
	swap := found.swap(func(*Event) {})
	if err := a.store.Commit(t.Context(), state.Replace(swap.Bucket, swap.Key, swap.To(next.ID))); err != nil {
		t.Fatal(err)
	}
	run.RerunAs = next.ID
	a.remove(run)
	a.remove(next)
	if got := a.listed(); !slices.Equal(got, []string{"e processed"}) {
		t.Errorf("listed are %v", got)
	}
}

func TestEventsAreShownForAsLongAsTheyAreKept(t *testing.T) {
	t.Parallel()
	a := newArchive(t, time.Hour)
	a.add("old", workflow.RunFailed)
	a.now = a.now.Add(time.Hour)
	a.add("new", workflow.RunFailed)
	for _, got := range [][]string{a.listed(), a.listed(StatusFailed)} {
		if !slices.Equal(got, []string{"new failed"}) {
			t.Errorf("listed are %v", got)
		}
	}
	if _, err := a.Get(t.Context(), Ref{ID: "old"}); err == nil {
		t.Error("an event is shown that is not kept any more")
	}
	if err := a.store.Commit(t.Context(), Event{ID: "old", Webhook: "w", RunID: "r", ReceivedAt: a.now}.Once(nil).Ops()...); err == nil {
		t.Error("its id is forgotten")
	}
}

func TestASweepRemovesWhatRemainsOfOldRuns(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 0)
	a.remove(a.add("e", workflow.RunFailed))
	for _, want := range []int{1, 0} {
		members, err := a.store.Range(t.Context(), state.Range{Set: "events-failed", Limit: 10})
		if err != nil || len(members) != want {
			t.Errorf("%v, %v", members, err)
		}
		if err := NewLog(a.store).Sweep(t.Context(), time.Now().Add(TTL+time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
}
