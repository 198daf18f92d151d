package gateway

import (
	"errors"
	"net/http"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/sdk"
)

// retryJSON is the body of a retry.
type retryJSON struct {
	Now    bool `json:"now,omitempty"`
	Latest bool `json:"latest,omitempty"`
}

var retrySchema = newBodySchema(`{"type":"object","additionalProperties":false,"properties":{
	"now":{"type":"boolean"},"latest":{"type":"boolean"}}}`)

// retryRun has a run go on from where it failed, or make its next attempt now, and if
// asked to, waits for its end.
func (x *requestContext) retryRun(w http.ResponseWriter, r *http.Request) error {
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	var body retryJSON
	if err := retrySchema.read(c.body, &body); err != nil {
		return err
	}
	if body.Now && body.Latest {
		return &apiError{code: sdk.CodeInvalidParams, detail: "a run that waits makes its next attempt by the definition that it has: give now or latest"}
	}
	id := x.argument("run")
	run, err := x.change(w, r, c, id, func(once engine.Once) (engine.Run, error) {
		run, err := x.services.Runs.Retry(r.Context(), engine.RetryRequest{ID: id, Now: body.Now, Latest: body.Latest, By: x.initiator(), Once: once})
		if body.Latest {
			err = conflictWhileUnknown(err)
		}
		return run, err
	})
	if err != nil {
		return err
	}
	run = x.await(r, run, c.wait)
	return x.sendRun(w, run, c.wait, x.runSummary(run))
}

// rerunRun starts a run in the place of one that has ended and, if asked to, waits
// for its end.
func (x *requestContext) rerunRun(w http.ResponseWriter, r *http.Request) error {
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	if err := c.takesNoBody(": a run is run again with the input that it had"); err != nil {
		return err
	}
	ended, err := x.services.Runs.Get(r.Context(), x.argument("run"))
	if err != nil {
		return err
	}
	if err := x.caller.authorize("workflows", ended.Workflow, "run"); err != nil {
		return err
	}
	request := engine.RerunRequest{ID: ended.ID, NewID: engine.NewRunID(), RequestID: x.id, By: x.initiator()}
	run, err := x.change(w, r, c, request.NewID, func(once engine.Once) (engine.Run, error) {
		request.Once = once
		run, err := x.services.Runs.Rerun(r.Context(), request)
		return run, conflictWhileUnknown(err)
	})
	if err != nil {
		return err
	}
	run = x.await(r, run, c.wait)
	return x.sendRun(w, run, c.wait, startedJSON{ID: run.ID, Workflow: run.Workflow, Status: run.Status, RerunOf: run.RerunOf})
}

// conflictWhileUnknown makes a 409 of the refusal that it is not known whether a step
// took effect: nothing was called, and the state of the run is what forbids it.
func conflictWhileUnknown(err error) error {
	refused, ok := errors.AsType[*sdk.Error](err)
	if !ok || refused.Code != sdk.CodeOutcomeUnknown {
		return err
	}
	return &apiError{code: refused.Code, status: http.StatusConflict, detail: refused.Message, cause: err}
}
