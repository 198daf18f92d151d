package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// maxWait is the longest time that a client may ask to wait for a run.
const maxWait = 10 * time.Minute

// startRun starts a run of a workflow and, if asked to, waits for its end.
func (x *requestContext) startRun(w http.ResponseWriter, r *http.Request) error {
	id := x.argument("workflow")
	if strings.Contains(id, ":") {
		// The actions of webhooks run as workflows too, with a colon in their
		// ids: only an event of their sender starts them.
		return fmt.Errorf("%w %q", engine.ErrUnknownWorkflow, id)
	}
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	input := c.body
	if input.IsZero() {
		input = value.TrustedDoc([]byte("{}"))
	}
	request := engine.StartRequest{
		ID: engine.NewRunID(), Workflow: id, Roots: map[string]value.Doc{"input": input}, RequestID: x.id, StartedBy: x.initiator(),
	}
	run, err := x.change(w, r, c, request.ID, func(once engine.Once) (engine.Run, error) {
		request.Once = once
		return x.services.Runs.Start(r.Context(), request)
	})
	if err != nil {
		return err
	}
	run = x.await(r, run, c.wait)
	return x.sendRun(w, run, c.wait, startedJSON{ID: run.ID, Workflow: run.Workflow, Status: run.Status})
}

// cancelRun cancels a run and, if asked to, waits for its end.
func (x *requestContext) cancelRun(w http.ResponseWriter, r *http.Request) error {
	return x.control(w, r, x.services.Runs.Cancel)
}

// control changes a run by a command that takes nothing but its id.
func (x *requestContext) control(w http.ResponseWriter, r *http.Request, do func(context.Context, string, engine.Once) (engine.Run, error)) error {
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	if err := c.takesNoBody(""); err != nil {
		return err
	}
	id := x.argument("run")
	run, err := x.change(w, r, c, id, func(once engine.Once) (engine.Run, error) { return do(r.Context(), id, once) })
	if err != nil {
		return err
	}
	run = x.await(r, run, c.wait)
	return x.sendRun(w, run, c.wait, x.runSummary(run))
}

// initiator is the caller, as the runs that it starts name it.
func (x *requestContext) initiator() engine.Initiator { return engine.Initiator{Token: x.caller.name} }

// signalRun hands a signal to a run, whether it waits for it yet or not.
func (x *requestContext) signalRun(w http.ResponseWriter, r *http.Request) error {
	id, name := x.argument("run"), x.argument("signal")
	if len(name) > workflow.MaxSignalName {
		return &apiError{code: codeBadRequest, detail: fmt.Sprintf("the name of a signal has at most %d bytes", workflow.MaxSignalName)}
	}
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	body := c.body
	if body.IsZero() {
		body = value.TrustedDoc([]byte("null"))
	}
	run, err := x.change(w, r, c, id, func(once engine.Once) (engine.Run, error) {
		return x.services.Runs.Signal(r.Context(), id, name, body, once)
	})
	if err != nil {
		return err
	}
	return x.sendRun(w, run, 0, x.runSummary(run))
}

// change is a request that makes or changes a run.
type change struct {
	key  string // empty where it has none
	wait time.Duration
	body value.Doc // zero where it is empty
}

// readChange reads a request that makes or changes a run.
func (x *requestContext) readChange(r *http.Request) (c change, err error) {
	if c.wait, err = waitOf(x.query); err != nil {
		return c, err
	}
	if c.key, err = x.keyOf(r); err != nil {
		return c, err
	}
	c.body, err = x.readJSON(r, value.NewDoc)
	return c, err
}

// change makes or changes a run, under a key once.
func (x *requestContext) change(w http.ResponseWriter, r *http.Request, c change, runID string, do func(once engine.Once) (engine.Run, error)) (engine.Run, error) {
	return changeOnce(x, w, r, c, runID, do, func(id string) (engine.Run, error) {
		run, err := x.services.Runs.Get(r.Context(), id)
		if errors.Is(err, engine.ErrNotFound) {
			return run, &apiError{code: sdk.CodeNotFound, detail: fmt.Sprintf("the run %s of this Idempotency-Key is not kept any more", id)}
		}
		return run, err
	})
}

// changeOnce makes or changes something that has an id. Under a key it is done once:
// the key is recorded in the write that does it, and a repeat returns it as it is
// now, as get does.
func changeOnce[T any](x *requestContext, w http.ResponseWriter, r *http.Request, c change, id string, do func(once engine.Once) (T, error), get func(id string) (T, error)) (T, error) {
	if c.key == "" {
		return do(engine.Once{})
	}
	scope := x.scope(r, c.key)
	fingerprint := idempotency.FingerprintOf(scope.Method, scope.Path, r.URL.RawQuery, c.body.Raw(), "wait")
	changedBy := func() (changed T, found bool, err error) {
		done, ok, err := x.services.Ledger.Recorded(r.Context(), scope, fingerprint)
		if err != nil || !ok {
			return changed, false, err
		}
		if changed, err = get(done.RunID); err != nil {
			return changed, false, err
		}
		w.Header().Set(replayedHeader, "true")
		w.Header().Set(expiresHeader, done.Expires.Format(time.RFC3339))
		return changed, true, nil
	}
	if changed, found, err := changedBy(); found || err != nil {
		return changed, err
	}
	once, expires := x.services.Ledger.Record(scope, fingerprint, id)
	changed, err := do(once)
	if err == nil {
		w.Header().Set(expiresHeader, expires.Format(time.RFC3339))
	}
	if err == nil || errors.Is(err, engine.ErrUnavailable) {
		return changed, err
	}
	// It may be that another request with the key was faster: then it is what that
	// one has made of it, and it may forbid what it allowed before.
	if changed, found, lookErr := changedBy(); found || lookErr != nil {
		return changed, lookErr
	}
	if errors.Is(err, engine.ErrDuplicate) {
		err = &idempotency.InProgressError{RetryAfter: defaultRetryAfter}
	}
	var none T
	return none, err
}

// await returns a run at its end, or as it is when the time to wait is over.
func (x *requestContext) await(r *http.Request, run engine.Run, wait time.Duration) engine.Run {
	// A request that waits needs no place among those that are worked on. If
	// too many wait already, the response is that of a wait that took too long.
	if wait == 0 || run.Status.Ended() || !x.acquire(x.waiting) {
		return run
	}
	x.body = nil // what came with the request is not kept as long as it waits
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(x.stopping, cancel)()
	latest, err := x.services.Runs.Wait(ctx, run.ID)
	if err != nil {
		// What was asked for is done: an error while waiting must not hide it.
		x.log.WarnContext(r.Context(), "waiting for a run failed", "run", run.ID, "error", err.Error())
		return run
	}
	return latest
}

// sendRun sends all of a run whose end was waited for, else that the request was
// accepted.
func (x *requestContext) sendRun(w http.ResponseWriter, run engine.Run, wait time.Duration, accepted any) error {
	header := http.Header{"Location": {"/runs/" + url.PathEscape(run.ID)}}
	if wait > 0 && run.Status.Ended() {
		return sendJSON(w, http.StatusOK, header, x.runJSON(run))
	}
	return sendJSON(w, http.StatusAccepted, header, accepted)
}

// waitOf reads how long a query asks to wait.
func waitOf(query map[string]string) (time.Duration, error) {
	text, given := query["wait"]
	if !given {
		return 0, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 || wait > maxWait {
		return 0, &apiError{code: codeBadRequest, detail: fmt.Sprintf("wait must be a duration such as 30s, of at most %s", value.Duration(maxWait))}
	}
	return wait, nil
}

// takesNoBody returns a 422 for a body with anything in it, and why none is taken.
func (c *change) takesNoBody(why string) error {
	if members, ok := c.body.Value().(map[string]any); c.body.IsZero() || ok && len(members) == 0 {
		return nil
	}
	return &apiError{code: sdk.CodeInvalidParams, detail: "the body must be empty, or an empty object" + why}
}
