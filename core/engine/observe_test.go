package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// recordedLog keeps what is logged.
type recordedLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *recordedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *recordedLog) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

func (l *recordedLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// about returns the records about a run, without their time.
func (l *recordedLog) about(t *testing.T, run string) []map[string]any {
	t.Helper()
	var records []map[string]any
	for line := range strings.Lines(l.text()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if delete(record, "time"); record["run"] == run {
			records = append(records, record)
		}
	}
	return records
}

// failing is an integration whose calls fail with what fail returns; nil succeeds.
func failing(fail func(n int, call sdk.Call) *sdk.Error) *fakeIntegration {
	return &fakeIntegration{do: func(_ context.Context, n int, call sdk.Call) (sdk.Result, error) {
		if err := fail(n, call); err != nil {
			return sdk.Result{}, err
		}
		return sdk.Result{Body: []byte(`{}`)}, nil
	}}
}

func declined(int, sdk.Call) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeDeclined, Message: "no money", Final: true, Outcome: sdk.OutcomeNotExecuted, Details: json.RawMessage(`{"secretDetail":1}`)}
}

func TestARunThatFailsLeavesOneLine(t *testing.T) {
	pay := `{"id":"pay","type":"vendor","action":"safe","params":{"card":"{{input.card}}"}}`
	for name, tt := range map[string]struct {
		steps string
		fail  func(int, sdk.Call) *sdk.Error
		want  map[string]any
	}{
		"a declined payment": {pay, declined, map[string]any{
			"level": "WARN", "msg": "a run failed", "step": "pay", "code": "declined", "detail": "no money", "integration": "vendor",
		}},
		"in a loop": {`{"id":"e","type":"foreach","items":[1],"steps":[` + pay + `]}`, declined, map[string]any{
			"level": "WARN", "msg": "a run failed", "step": "e[0].pay", "code": "declined", "detail": "no money", "integration": "vendor",
		}},
		"before the first step could begin": {`{"id":"pay","type":"vendor","action":"safe","params":{"card":"{{input.none}}"}}`, declined, map[string]any{
			"level": "WARN", "msg": "a run failed", "step": "pay", "code": "invalid_params", "detail": `step pay: params: /card: input.none is missing: input has no "none"`,
		}},
		"by its timeout": {`{"id":"w","type":"wait","duration":"2h"}`, declined, map[string]any{
			"level": "WARN", "msg": "a run failed", "step": "", "code": "timeout", "detail": "the run took longer than its timeout of 1h0m0s",
		}},
		"and cannot undo what it did": {
			`{"id":"a","type":"vendor","action":"safe","compensate":[{"id":"back","type":"vendor","action":"safe","params":{"back":true}}]},{"id":"f","type":"fail","message":"enough","code":"too_much"}`,
			func(_ int, call sdk.Call) *sdk.Error {
				if strings.Contains(string(call.Params), "back") {
					return declined(0, call)
				}
				return nil
			},
			map[string]any{
				"level": "WARN", "msg": "a run failed", "step": "f", "code": "too_much", "detail": "enough; step a could not be undone: no money", "notUndone": "a",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &recordedLog{}
				g := open(t, memory.New(memory.Options{}), "g1", failing(tt.fail), Options{Logger: log.logger()}, `{"id":"w","timeout":"1h","steps":[`+tt.steps+`]}`)
				defer g.stop()
				run, err := g.Start(t.Context(), StartRequest{
					Workflow: "w", Roots: input(`{"card":"4242424242424242"}`), RequestID: "req-1", StartedBy: Initiator{Webhook: "shop", Event: "evt_1"},
				})
				if err != nil {
					t.Fatal(err)
				}
				g.wait(run.ID)
				synctest.Wait()
				for name, value := range map[string]any{"run": run.ID, "workflow": "w", "webhook": "shop", "event": "evt_1", "requestId": "req-1"} {
					tt.want[name] = value
				}
				if diff := cmp.Diff([]map[string]any{tt.want}, log.about(t, run.ID)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				for _, payload := range []string{"4242", "secretDetail"} {
					if strings.Contains(log.text(), payload) {
						t.Errorf("%s is in the log:\n%s", payload, log.text())
					}
				}
			})
		})
	}
}

func TestARunThatDoesNotFailLeavesNoLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recordedLog{}
		g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{Logger: log.logger()},
			twoSteps, `{"id":"waits","steps":[{"id":"w","type":"wait","duration":"1h"}]}`)
		defer g.stop()
		g.wait(g.start("two", `{"x":1}`).ID)
		synctest.Wait()
		cancelled := g.start("waits", `{}`).ID
		if _, err := g.Cancel(t.Context(), cancelled, Once{}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(cancelled); run.Status != workflow.RunCancelled {
			t.Fatalf("the run is %s", run.Status)
		}
		synctest.Wait()
		if text := log.text(); text != "" {
			t.Error(text)
		}
	})
}

func TestACancelledRunThatIsNotUndoneLeavesALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recordedLog{}
		v := failing(func(n int, call sdk.Call) *sdk.Error {
			if n == 1 {
				return nil
			}
			return declined(n, call)
		})
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{Logger: log.logger()},
			`{"id":"w","steps":[{"id":"a","type":"vendor","action":"safe","compensate":[{"id":"back","type":"vendor","action":"safe"}]},{"id":"w","type":"wait","duration":"1h"}]}`)
		defer g.stop()
		id := g.start("w", `{}`).ID
		synctest.Wait()
		if _, err := g.Cancel(t.Context(), id, Once{}); err != nil {
			t.Fatal(err)
		}
		g.wait(id)
		synctest.Wait()
		want := []map[string]any{{
			"level": "WARN", "msg": "a run was cancelled, and what it did is not undone", "run": id, "workflow": "w", "step": "",
			"code": "cancelled", "detail": "the run was cancelled; step a could not be undone: no money", "notUndone": "a",
		}}
		if diff := cmp.Diff(want, log.about(t, id)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestAStepThatIsTriedAgainLeavesALineForItsFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recordedLog{}
		v := failing(func(int, sdk.Call) *sdk.Error {
			return &sdk.Error{Code: sdk.CodeUnavailable, Message: "busy", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
		})
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{Logger: log.logger()},
			`{"id":"w","steps":[{"id":"pay","type":"vendor","action":"safe","retry":{"maxAttempts":4}}]}`)
		defer g.stop()
		run, err := g.Start(t.Context(), StartRequest{Workflow: "w", Roots: input(`{}`), StartedBy: Initiator{Token: "shop"}})
		if err != nil {
			t.Fatal(err)
		}
		lines := func() []map[string]any {
			g.wait(run.ID)
			synctest.Wait()
			found := log.about(t, run.ID)
			if len(found) == 0 || found[0]["retryAt"] == nil {
				t.Fatalf("got %v", found)
			}
			delete(found[0], "retryAt")
			return found
		}
		want := []map[string]any{
			{"level": "INFO", "msg": "a step is tried again", "run": run.ID, "workflow": "w", "step": "pay", "attempt": 1.0, "maxAttempts": 4.0, "code": "unavailable", "detail": "busy"},
			{"level": "WARN", "msg": "a run failed", "run": run.ID, "workflow": "w", "step": "pay", "code": "unavailable", "detail": "busy", "integration": "vendor", "token": "shop"},
		}
		if diff := cmp.Diff(want, lines()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if n := len(v.seen()); n != 4 {
			t.Errorf("%d calls", n)
		}

		// Retried by a token, it begins to be tried again, and fails again.
		if _, err := g.Retry(t.Context(), RetryRequest{ID: run.ID, By: Initiator{Token: "ann"}}); err != nil {
			t.Fatal(err)
		}
		want[1]["retriedBy"] = "ann"
		if diff := cmp.Diff(want[1], lines()[3]); diff != "" || len(lines()) != 4 {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestAFailedChildAndItsParentLeaveALineEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recordedLog{}
		g := open(t, memory.New(memory.Options{}), "g1", failing(declined), Options{Logger: log.logger()},
			`{"id":"parent","steps":[{"id":"c","type":"workflow","workflow":"child"}]}`,
			`{"id":"child","steps":[{"id":"pay","type":"vendor","action":"safe"}]}`)
		defer g.stop()
		run := g.wait(g.start("parent", `{}`).ID)
		synctest.Wait()
		child := run.Error.Child.ID
		want := []map[string]any{
			{"level": "WARN", "msg": "a run failed", "run": child, "workflow": "child", "step": "pay", "code": "declined", "detail": "no money", "integration": "vendor", "parent": run.ID},
			{"level": "WARN", "msg": "a run failed", "run": run.ID, "workflow": "parent", "step": "c", "code": "declined", "detail": "run " + child + " failed: no money", "integration": "vendor", "child": child, "childStep": "pay"},
		}
		if diff := cmp.Diff(want, append(log.about(t, child), log.about(t, run.ID)...)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestAParkedRunSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recordedLog{}
		store := memory.New(memory.Options{})
		hang := &fakeIntegration{do: func(ctx context.Context, _ int, _ sdk.Call) (sdk.Result, error) {
			<-ctx.Done()
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Retryable: true}
		}}
		g := open(t, store, "g0", hang, Options{Logger: log.logger()}, twoSteps)
		id := g.start("two", `{"x":1}`).ID
		for n := range MaxRecoveries + 1 {
			synctest.Wait()
			g.crash()
			g = open(t, store, "g"+string(rune('a'+n)), hang, Options{Logger: log.logger()}, twoSteps)
		}
		defer g.stop()
		if run := g.wait(id); run.Status != workflow.RunFailed || run.Error.Err.Code != workflow.CodeParked {
			t.Fatalf("the run is %s: %+v", run.Status, run.Error)
		}
		synctest.Wait()
		if lines := log.about(t, id); len(lines) != 1 || lines[0]["level"] != "WARN" || lines[0]["code"] != "parked" || lines[0]["step"] != "first" {
			t.Errorf("got %v", lines)
		}
	})
}

func TestARunThatWaitsForADecisionLeavesALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &recordedLog{}
		v := failing(func(n int, _ sdk.Call) *sdk.Error {
			if n == 1 {
				return nil
			}
			return &sdk.Error{Code: sdk.CodeTimeout, Message: "no response", Outcome: sdk.OutcomeUnknown}
		})
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{Logger: log.logger()},
			`{"id":"w","steps":[{"id":"a","type":"vendor","action":"safe","compensate":[{"id":"back","type":"vendor","action":"safe"}]},{"id":"b","type":"vendor","action":"unsafe"}]}`)
		defer g.stop()
		run, err := g.Start(t.Context(), StartRequest{Workflow: "w", Roots: input(`{}`), StartedBy: Initiator{Schedule: "nightly"}})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if shown, err := g.Get(t.Context(), run.ID); err != nil || shown.Waiting.For != workflow.WaitingForDecision {
			t.Fatalf("the run is %s and waits for %q, %v", shown.Status, shown.Waiting.For, err)
		}
		lines := log.about(t, run.ID)
		if len(lines) != 1 || lines[0]["level"] != "WARN" || lines[0]["msg"] != "a run waits for a decision" || lines[0]["step"] != "b" || lines[0]["schedule"] != "nightly" || lines[0]["code"] == nil {
			t.Errorf("got %v", lines)
		}
	})
}
