package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// maxWait is the longest time that a client may ask to wait for a run.
const maxWait = 10 * time.Minute

// maxPage is the most runs that a page of the list has.
const maxPage = 200

// startRun starts a run of a workflow and, if asked to, waits for its end.
func (x *exchange) startRun(w http.ResponseWriter, r *http.Request) error {
	id := x.segments[1]
	if err := x.caller.authorize("workflows", id, "run"); err != nil {
		return err
	}
	if strings.Contains(id, ":") {
		// The actions of webhooks run as workflows too, which have a colon in
		// their ids: they are started by their sender alone.
		return fmt.Errorf("%w %q", engine.ErrUnknownWorkflow, id)
	}
	wait, err := waitOf(r.URL.RawQuery)
	if err != nil {
		return err
	}
	key, err := x.keyOf(r)
	if err != nil {
		return err
	}
	body, err := x.readJSON(w, r)
	if err != nil {
		return err
	}
	input := json.RawMessage(body)
	if len(body) == 0 {
		input = json.RawMessage("{}")
	}
	request := engine.StartRequest{Workflow: id, Roots: map[string]json.RawMessage{"input": input}, RequestID: x.id}
	if key == "" {
		run, err := x.runs.Start(r.Context(), request)
		if err != nil {
			return err
		}
		return x.answerStart(w, r, run, wait)
	}
	scope := x.scope(r, key)
	fingerprint := idempotency.FingerprintOf(scope.Method, scope.Path, r.URL.RawQuery, body, "wait")
	run, old, err := x.startOnce(r.Context(), request, scope, fingerprint)
	if err != nil {
		return err
	}
	if old {
		w.Header().Set(replayed, "true")
	}
	return x.answerStart(w, r, run, wait)
}

// startOnce starts a run under a key, or answers the run that the key started
// before. The key is recorded in the write that makes the run.
func (x *exchange) startOnce(ctx context.Context, request engine.StartRequest, scope idempotency.Scope, fp idempotency.Fingerprint) (run engine.Run, old bool, err error) {
	run, old, err = x.startedBy(ctx, scope, fp)
	if old || err != nil {
		return run, old, err
	}
	request.ID = engine.NewRunID()
	request.Also = x.ledger.Start(scope, fp, request.ID)
	run, err = x.runs.Start(ctx, request)
	conflict, ok := errors.AsType[*state.ConflictError](err)
	if !ok || conflict.Index >= len(request.Also) {
		return run, false, err
	}
	// Another request with the key was faster.
	run, old, err = x.startedBy(ctx, scope, fp)
	if !old && err == nil {
		err = &idempotency.InProgressError{RetryAfter: defaultRetryAfter}
	}
	return run, old, err
}

// startedBy answers the run that a key has started, as it is now.
func (x *exchange) startedBy(ctx context.Context, scope idempotency.Scope, fp idempotency.Fingerprint) (engine.Run, bool, error) {
	id, ok, err := x.ledger.Started(ctx, scope, fp)
	if err != nil || !ok {
		return engine.Run{}, false, err
	}
	run, err := x.runs.Get(ctx, id)
	if errors.Is(err, engine.ErrNotFound) {
		return engine.Run{}, false, &refusal{code: sdk.CodeNotFound, detail: fmt.Sprintf("the run %s that this Idempotency-Key started is not kept any more", id)}
	}
	return run, err == nil, err
}

// answerStart answers with what there is of a run: at once, or at its end if
// that comes within the time to wait.
func (x *exchange) answerStart(w http.ResponseWriter, r *http.Request, run engine.Run, wait time.Duration) error {
	// A request that waits needs no place among those that are worked on. If
	// too many wait already, the answer is that of a wait that took too long.
	if wait > 0 && !run.Status.Ended() && x.hold(x.waiting) {
		// The run was started: an error while waiting must not hide it.
		if latest, err := x.waitFor(r.Context(), run.ID, wait); err == nil {
			run = latest
		} else {
			x.log.WarnContext(r.Context(), "waiting for a run failed", "run", run.ID, "error", err.Error())
		}
	}
	header := http.Header{"Location": {"/runs/" + url.PathEscape(run.ID)}}
	if wait > 0 && run.Status.Ended() {
		return sendJSON(w, http.StatusOK, header, x.runDoc(run))
	}
	return sendJSON(w, http.StatusAccepted, header, startedDoc{ID: run.ID, Workflow: run.Workflow, Status: run.Status})
}

// waitFor waits until the run ends, the time is up, the client goes away or
// the gateway stops.
func (x *exchange) waitFor(ctx context.Context, id string, wait time.Duration) (engine.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer context.AfterFunc(x.stopping, cancel)()
	return x.runs.Wait(ctx, id)
}

// waitOf reads the query of a start.
func waitOf(rawQuery string) (time.Duration, error) {
	query, err := single(rawQuery, "wait")
	if err != nil {
		return 0, err
	}
	text, given := query["wait"]
	if !given {
		return 0, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 || wait > maxWait {
		return 0, &refusal{code: codeBadRequest, detail: fmt.Sprintf("wait must be a duration such as 30s, of at most %s", lifetime(maxWait))}
	}
	return wait, nil
}

// showRun shows one run with its steps.
func (x *exchange) showRun(w http.ResponseWriter, r *http.Request) error {
	if err := x.caller.authorize("runs", "read"); err != nil {
		return err
	}
	run, err := x.runs.Get(r.Context(), x.segments[1])
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, nil, x.runDoc(run))
}

// listRuns shows a page of runs, the newest first, without their steps.
func (x *exchange) listRuns(w http.ResponseWriter, r *http.Request) error {
	if err := x.caller.authorize("runs", "read"); err != nil {
		return err
	}
	request, err := listRequest(r.URL.RawQuery)
	if err != nil {
		return err
	}
	found, err := x.runs.List(r.Context(), request)
	if err != nil {
		return err
	}
	page := list[runSummary]{Data: []runSummary{}}
	for _, run := range found.Runs {
		page.Data = append(page.Data, x.runSummary(run))
	}
	if found.NextCursor != "" {
		page.NextCursor = &found.NextCursor
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

// listRequest reads the query of a list of runs.
func listRequest(rawQuery string) (engine.ListRequest, error) {
	query, err := single(rawQuery, "workflow", "status", "since", "limit", "cursor")
	if err != nil {
		return engine.ListRequest{}, err
	}
	request := engine.ListRequest{Workflow: query["workflow"], Status: workflow.RunStatus(query["status"]), Cursor: query["cursor"]}
	if request.Status != "" && !slices.Contains(workflow.RunStatuses[:], request.Status) {
		return request, &refusal{code: codeBadRequest, detail: fmt.Sprintf("status %q is unknown, known are: %s", request.Status, statusNames())}
	}
	if since, given := query["since"]; given {
		if request.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return request, &refusal{code: codeBadRequest, detail: "since must be a time of RFC 3339, such as 2026-01-31T12:00:00Z (a + is written %2B in a query)"}
		}
	}
	if limit, given := query["limit"]; given {
		if request.Limit, err = strconv.Atoi(limit); err != nil || request.Limit < 1 || request.Limit > maxPage {
			return request, &refusal{code: codeBadRequest, detail: fmt.Sprintf("limit must be a whole number from 1 to %d", maxPage)}
		}
	}
	return request, nil
}

func statusNames() string {
	names := make([]string, len(workflow.RunStatuses))
	for i, s := range workflow.RunStatuses {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}
