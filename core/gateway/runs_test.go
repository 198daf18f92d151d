package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

const startPath = "/workflows/process-order/runs"

func TestARunIsStartedAndShown(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	rec := h.send("POST", startPath, `{"amount":12345678901234567890}`)
	wantStatus(t, rec, 202)
	var started startedJSON
	must(t, json.Unmarshal(rec.Body.Bytes(), &started))
	location := rec.Header().Get("Location")
	if started.Workflow != "process-order" || location != "/runs/"+started.ID {
		t.Fatalf("%s at %q", rec.Body, location)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := h.engine.Wait(ctx, started.ID)
	must(t, err)
	rec = h.send("GET", location, "")
	wantStatus(t, rec, 200)
	doc := fields(t, rec.Body.Bytes())
	if doc["status"] != "succeeded" || doc["error"] != nil || !strings.Contains(rec.Body.String(), `"input":{"amount":12345678901234567890}`) {
		t.Errorf("run %s", rec.Body)
	}
	for _, field := range []string{"createdAt", "startedAt", "finishedAt"} {
		if at, err := time.Parse(time.RFC3339, doc[field].(string)); err != nil || at.Location() != time.UTC {
			t.Errorf("%s: %v %v", field, doc[field], err)
		}
	}
	step := doc["steps"].([]any)[0].(map[string]any)
	if step["id"] != "pay" || step["path"] != "pay" || step["status"] != "succeeded" || step["attempts"] != 1.0 || step["result"].(map[string]any)["id"] != "pay_1" {
		t.Errorf("step %v", step)
	}
	if calls := h.integration.called(); string(calls[0].Params) != `{"amount":12345678901234567890}` {
		t.Errorf("called with %s", calls[0].Params)
	}
}

func TestAFailedRunShowsTheProblem(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.fails(sdk.Error{Code: sdk.CodeDeclined, Message: "declined by ***", Final: true, Outcome: sdk.OutcomeNotExecuted, Details: json.RawMessage(`{"declineCode":"lost_card"}`)})
	rec := h.send("POST", startPath+"?wait=10s", `{"amount":1}`)
	wantStatus(t, rec, 200)
	doc := fields(t, rec.Body.Bytes())
	failure, _ := doc["error"].(map[string]any)
	if doc["status"] != "failed" || failure["code"] != "declined" || failure["status"] != 402.0 || failure["detail"] != "declined by ***" ||
		failure["shop"].(map[string]any)["declineCode"] != "lost_card" {
		t.Errorf("run %s", rec.Body)
	}
	step := doc["steps"].([]any)[0].(map[string]any)
	if step["error"].(map[string]any)["code"] != "declined" {
		t.Errorf("step %v", step)
	}
}

func TestAnEmptyBodyIsAnEmptyInput(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	rec := h.send("POST", startPath+"?wait=10s", "")
	wantStatus(t, rec, 200)
	if doc := fields(t, rec.Body.Bytes()); doc["status"] != "failed" || len(doc["input"].(map[string]any)) != 0 {
		t.Errorf("run %s", rec.Body) // input.amount is missing
	}
}

func TestTheActionsOfAWebhookCannotBeStarted(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	wantStatus(t, h.send("POST", "/workflows/"+url.PathEscape(event.WorkflowID("events"))+"/runs", "{}"), 404)
	wantStatus(t, h.send("GET", "/workflows/"+url.PathEscape(event.WorkflowID("events")), ""), 404)
	if rec := h.send("GET", "/workflows", ""); strings.Contains(rec.Body.String(), "webhook:") {
		t.Errorf("%s", rec.Body)
	}
	h.wantCalls(0)
}

func TestWorkflowsAreShown(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	one := `{"id":"process-order","name":"Process","steps":[{"id":"pay","type":"integration","integration":"shop","action":"createPayment"}]}`
	if rec := h.send("GET", "/workflows", ""); rec.Body.String() != `{"data":[`+one+`],"nextCursor":null}` {
		t.Errorf("%s", rec.Body)
	}
	whole := strings.TrimSuffix(one, "}") + `,"definition":{"id":"process-order","name":"Process","steps":[{"id":"pay","type":"integration","integration":"shop","action":"createPayment","params":{"amount":"{{input.amount}}"}}]}}`
	if rec := h.send("GET", "/workflows/process-order", ""); rec.Body.String() != whole {
		t.Errorf("%s", rec.Body)
	}
	wantStatus(t, h.send("GET", "/workflows/none", ""), 404)
}

func TestRunsAreListedInPages(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for range 3 {
		wantStatus(t, h.send("POST", startPath+"?wait=10s", `{"amount":1}`), 200)
	}
	seen := map[string]bool{}
	target := "/runs?limit=2&status=succeeded&workflow=process-order&since=2020-01-01T00:00:00Z"
	for pages := 0; ; pages++ {
		rec := h.send("GET", target, "")
		wantStatus(t, rec, 200)
		doc := fields(t, rec.Body.Bytes())
		for _, run := range doc["data"].([]any) {
			seen[run.(map[string]any)["id"].(string)] = true
		}
		next, more := doc["nextCursor"].(string)
		if !more {
			break
		}
		if pages > 3 {
			t.Fatal("the list does not end")
		}
		target = "/runs?limit=2&status=succeeded&workflow=process-order&cursor=" + url.QueryEscape(next)
	}
	if len(seen) != 3 {
		t.Errorf("%d runs", len(seen))
	}
	if rec := h.send("GET", "/runs?workflow=other", ""); rec.Body.String() != `{"data":[],"nextCursor":null}` {
		t.Errorf("%s", rec.Body)
	}
}

// scriptedRuns returns what a test says.
type scriptedRuns struct {
	Runs
	start func(engine.StartRequest) (engine.Run, error)
	wait  func(ctx context.Context) (engine.Run, error)
}

func (s scriptedRuns) Start(_ context.Context, r engine.StartRequest) (engine.Run, error) {
	return s.start(r)
}
func (s scriptedRuns) Wait(ctx context.Context, _ string) (engine.Run, error) { return s.wait(ctx) }

func TestAWaitEnds(t *testing.T) {
	t.Parallel()
	queued := engine.Run{ID: "r1", Workflow: "process-order", Status: "queued"}
	running := engine.Run{ID: "r1", Workflow: "process-order", Status: "running"}
	var h *harness
	untilDone := func(ctx context.Context) (engine.Run, error) {
		<-ctx.Done()
		return running, nil
	}
	for _, c := range []struct {
		name string
		wait func(ctx context.Context) (engine.Run, error)
		want string
	}{
		{"when the time is up", untilDone, `{"id":"r1","workflow":"process-order","status":"running"}`},
		{"when the gateway stops", func(ctx context.Context) (engine.Run, error) {
			h.stop()
			<-ctx.Done()
			return running, nil
		}, `{"id":"r1","workflow":"process-order","status":"running"}`},
		{"when the store goes down", func(context.Context) (engine.Run, error) {
			return engine.Run{}, state.ErrUnavailable
		}, `{"id":"r1","workflow":"process-order","status":"queued"}`},
	} {
		h = newHarness(t, func(o *Options) {
			o.Runs = scriptedRuns{Runs: o.Runs, start: func(engine.StartRequest) (engine.Run, error) { return queued, nil }, wait: c.wait}
		})
		wait := "?wait=1ms"
		if c.name == "when the gateway stops" {
			wait = "?wait=10m"
		}
		rec := h.send("POST", startPath+wait, "{}")
		wantStatus(t, rec, 202)
		if rec.Body.String() != c.want || rec.Header().Get("Location") != "/runs/r1" {
			t.Errorf("%s: %s %s", c.name, rec.Header(), rec.Body)
		}
	}
}

func TestWaitersLeaveTheirPlaceToOthers(t *testing.T) {
	t.Parallel()
	waiting, end := make(chan struct{}), make(chan struct{})
	h := newHarness(t, func(o *Options) {
		o.Limits.MaxConcurrent, o.Limits.MaxWaiting = 1, 1
		o.Runs = scriptedRuns{Runs: o.Runs,
			start: func(engine.StartRequest) (engine.Run, error) {
				return engine.Run{ID: "r1", Status: "queued"}, nil
			},
			wait: func(context.Context) (engine.Run, error) {
				close(waiting)
				<-end
				return engine.Run{ID: "r1", Status: "succeeded"}, nil
			}}
	})
	first := make(chan int)
	go func() { first <- h.send("POST", startPath+"?wait=10m", "{}").Code }()
	<-waiting
	wantStatus(t, h.send("GET", "/workflows", ""), 200)
	wantStatus(t, h.send("POST", startPath+"?wait=10m", "{}"), 202) // one waits already
	close(end)
	if code := <-first; code != 200 {
		t.Errorf("the waiter got %d", code)
	}
	if h.working.inUse() != 0 || h.waiting.inUse() != 0 {
		t.Errorf("%d and %d places are still held", h.working.inUse(), h.waiting.inUse())
	}
}

func TestStartsThatFailSaySo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		code   sdk.Code
	}{
		{engine.ErrStopped, 503, sdk.CodeUnavailable},
		{engine.ErrOverloaded, 503, codeOverloaded},
		{state.ErrUnavailable, 503, sdk.CodeUnavailable},
		{&sdk.Error{Code: sdk.CodeInvalidParams, Message: "input", Faults: []sdk.Fault{{Pointer: "/email", Message: "is missing"}}}, 422, sdk.CodeInvalidParams},
		{errOdd, 500, sdk.CodeInternal},
		{&engine.DuplicateError{}, 409, codeKeyInProgress}, // the record is gone again
		{engine.ErrFenced, 503, sdk.CodeUnavailable},
	} {
		h := newHarness(t, func(o *Options) {
			o.Runs = scriptedRuns{Runs: o.Runs, start: func(engine.StartRequest) (engine.Run, error) { return engine.Run{}, c.err }}
		})
		wantCode(t, h.send("POST", startPath, "{}", "Idempotency-Key: k"), c.status, c.code)
	}
}

func TestARunThatCannotBeReadIsShownAsThat(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var ids []string
	for range 3 {
		ids = append(ids, fields(t, h.send("POST", startPath+"?wait=10s", `{"amount":1}`).Body.Bytes())["id"].(string))
	}
	must(t, h.store.Commit(t.Context(), state.Put(layout.BucketRun, ids[1], []byte(`"a text"`), 0)))
	for _, target := range []string{"/runs", "/runs?workflow=process-order"} {
		rec := h.send("GET", target, "")
		wantStatus(t, rec, 200)
		var page struct {
			Data []struct {
				ID, Workflow, Status string
				Error                *struct{ Code, Detail string }
			}
		}
		must(t, json.Unmarshal(rec.Body.Bytes(), &page))
		if len(page.Data) != 3 {
			t.Fatalf("%s: %s", target, rec.Body)
		}
		for _, run := range page.Data {
			if broken := run.ID == ids[1]; broken != (run.Error != nil) || broken != (run.Status == "") || run.Workflow != "process-order" ||
				broken && (run.Error.Code != "internal" || !strings.Contains(run.Error.Detail, "the run "+ids[1]+" cannot be read: its record")) {
				t.Errorf("%s: %+v", target, run)
			}
		}
	}
	if log := h.log.String(); strings.Count(log, "runs in a list cannot be read") != 2 || !strings.Contains(log, ids[1]) {
		t.Errorf("%s", log)
	}
	for _, target := range []string{"GET /runs/" + ids[1], "GET /runs/" + ids[1] + "/stream", "POST /runs/" + ids[1] + "/cancel", "POST /runs/" + ids[1] + "/retry", "POST /runs/" + ids[1] + "/signals/x"} {
		method, path, _ := strings.Cut(target, " ")
		rec := h.send(method, path, "")
		wantCode(t, rec, 500, sdk.CodeInternal)
		if detail := fields(t, rec.Body.Bytes())["detail"].(string); !strings.Contains(detail, "the run "+ids[1]+" cannot be read: its record") {
			t.Errorf("%s: %s", target, detail)
		}
	}
	wantStatus(t, h.send("GET", "/runs/"+ids[0], ""), 200)
}

func TestAListTakesSeveralStatuses(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for i := range 9 {
		switch i % 3 {
		case 0:
			h.integration.succeeds(`{}`)
		case 1:
			h.integration.fails(sdk.Error{Code: sdk.CodeDeclined, Final: true, Outcome: sdk.OutcomeNotExecuted})
		case 2:
			h.integration.does(func(ctx context.Context, _ sdk.Call) (sdk.Result, error) {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Retryable: true, Outcome: sdk.OutcomeNotExecuted}
			})
		}
		id := fields(t, h.send("POST", startPath, `{"amount":1}`).Body.Bytes())["id"].(string)
		if i%3 == 2 {
			h.is(id, workflow.RunWaiting)
			wantStatus(t, h.send("POST", "/runs/"+id+"/cancel?wait=10s", ""), 200)
		}
		testkit.Eventually(t, 10*time.Second, "the run has ended", func() bool {
			run, err := h.engine.Get(t.Context(), id)
			return err == nil && run.Status.Ended()
		})
	}
	for statuses, wanted := range map[string]int{
		"failed": 3, "failed,cancelled": 6, "cancelled,failed": 6, "succeeded,failed": 6, "failed,failed": 3,
		"queued,running,waiting,succeeded,failed,cancelled,compensating": 9, "running,waiting": 0,
	} {
		for _, limit := range []int{1, 2, 200} {
			seen, cursor := map[string]bool{}, ""
			for pages := 0; ; pages++ {
				rec := h.send("GET", fmt.Sprintf("/runs?status=%s&limit=%d%s", statuses, limit, cursor), "")
				wantStatus(t, rec, 200)
				var page struct {
					Data       []struct{ ID, Status string }
					NextCursor *string
				}
				must(t, json.Unmarshal(rec.Body.Bytes(), &page))
				for _, run := range page.Data {
					if seen[run.ID] || !slices.Contains(strings.Split(statuses, ","), run.Status) {
						t.Errorf("%s: %+v", statuses, run)
					}
					seen[run.ID] = true
				}
				if page.NextCursor == nil {
					break
				}
				cursor = "&cursor=" + *page.NextCursor
			}
			if len(seen) != wanted {
				t.Errorf("%s, %d at once: %d runs, want %d", statuses, limit, len(seen), wanted)
			}
		}
	}
	for _, query := range []string{"status=failed&status=cancelled", "status=odd", "status=failed,", "status=failed,odd", "status=,", "status=Failed"} {
		wantCode(t, h.send("GET", "/runs?"+query, ""), 400, codeBadRequest)
	}
}
