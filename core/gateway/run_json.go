package gateway

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// startedJSON is a run that was started and whose end is not waited for.
type startedJSON struct {
	ID       string             `json:"id"`
	Workflow string             `json:"workflow"`
	Status   workflow.RunStatus `json:"status"`
	// RerunOf is the run whose place it took.
	RerunOf string `json:"rerunOf,omitempty"`
}

// runSummary is a run as lists show it. Times are RFC 3339 in UTC.
type runSummary struct {
	ID       string             `json:"id"`
	Workflow string             `json:"workflow"`
	Status   workflow.RunStatus `json:"status"`
	waitJSON
	// Error is why the run failed; of one that has not ended, how the last attempt
	// at a step failed that is tried again.
	Error     *problem       `json:"error"`
	StartedBy *initiatorJSON `json:"startedBy,omitempty"`
	RetriedBy *initiatorJSON `json:"retriedBy,omitempty"`
	// RerunOf is the run whose place it took, RerunAs the one that took its place.
	RerunOf    string      `json:"rerunOf,omitempty"`
	RerunAs    string      `json:"rerunAs,omitempty"`
	CreatedAt  value.Time  `json:"createdAt"`
	StartedAt  *value.Time `json:"startedAt"`
	FinishedAt *value.Time `json:"finishedAt"`
}

// waitJSON says what a run or a step waits for, and which attempt it has come to.
type waitJSON struct {
	WaitingFor workflow.WaitingFor `json:"waitingFor,omitempty"`
	// WaitingUntil is when the wait is over whatever happens. RetryAt is the same
	// where the wait is for another attempt.
	WaitingUntil *value.Time `json:"waitingUntil,omitempty"`
	RetryAt      *value.Time `json:"retryAt,omitempty"`
	Attempt      int         `json:"attempt,omitempty"`
	MaxAttempts  int         `json:"maxAttempts,omitempty"`
}

// resultJSON is a result. Instead of one that is too large to be shown in its place
// stand its size in bytes, and where it is; of the run's output the size alone.
type resultJSON struct {
	Result      json.RawMessage `json:"result,omitempty"`
	ResultURL   string          `json:"resultUrl,omitempty"`
	ResultBytes int             `json:"resultBytes,omitempty"`
}

func newResultJSON(run, path string, result json.RawMessage, size int) resultJSON {
	if size <= workflow.MaxShownResult && (size == 0 || len(result) > 0) {
		return resultJSON{Result: result}
	}
	doc := resultJSON{ResultBytes: size}
	if path != "" {
		doc.ResultURL = "/runs/" + url.PathEscape(run) + "/steps/" + url.PathEscape(path) + "/result"
	}
	return doc
}

func newWaitJSON(what workflow.WaitingFor, until time.Time, attempt, maxAttempts int) waitJSON {
	doc := waitJSON{WaitingFor: what, WaitingUntil: optionalTime(until), Attempt: attempt, MaxAttempts: maxAttempts}
	if what == workflow.WaitingForRetry {
		doc.RetryAt = doc.WaitingUntil
	}
	return doc
}

// initiatorJSON is what started a run or had it retried.
type initiatorJSON engine.Initiator

// runJSON is all of a run.
type runJSON struct {
	runSummary
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"`
	Steps  []stepJSON      `json:"steps"`
}

// stepJSON is a step of a run: with a result or an error once it has ended.
type stepJSON struct {
	ID       string              `json:"id"`
	Path     string              `json:"path"`
	Status   workflow.StepStatus `json:"status"`
	Attempts int                 `json:"attempts"`
	waitJSON
	// Signal is the one that the step waits for, Run the run.
	Signal     string      `json:"signal,omitempty"`
	Run        string      `json:"run,omitempty"`
	StartedAt  *value.Time `json:"startedAt"`
	FinishedAt *value.Time `json:"finishedAt"`
	resultJSON
	Error *problem `json:"error,omitempty"`
}

func (x *requestContext) runSummary(run engine.Run) runSummary {
	failure := run.Error
	if failure == nil {
		failure = run.Waiting.Failure
	}
	return runSummary{
		ID:         run.ID,
		Workflow:   run.Workflow,
		Status:     run.Status,
		waitJSON:   newWaitJSON(run.Waiting.For, run.Waiting.Until, run.Waiting.Attempt, run.Waiting.MaxAttempts),
		Error:      x.failure(failure),
		StartedBy:  optionalInitiator(run.StartedBy),
		RetriedBy:  optionalInitiator(run.RetriedBy),
		RerunOf:    run.RerunOf,
		RerunAs:    run.RerunAs,
		CreatedAt:  value.Time{Time: run.CreatedAt},
		StartedAt:  optionalTime(run.StartedAt),
		FinishedAt: optionalTime(run.FinishedAt),
	}
}

func (x *requestContext) runJSON(run engine.Run) runJSON {
	doc := runJSON{
		runSummary: x.runSummary(run),
		Input:      run.Input,
		Output:     run.Output,
		Steps:      make([]stepJSON, len(run.Steps)),
	}
	hide := hiding(workflow.SensitiveTexts(run.Steps))
	for i := range run.Steps {
		s := &run.Steps[i]
		doc.Steps[i] = stepJSON{
			ID:         s.Step.ID,
			Path:       s.Path,
			Status:     s.Status,
			Attempts:   s.Attempts,
			waitJSON:   newWaitJSON(s.WaitingFor, s.WaitingUntil, s.Attempt, s.MaxAttempts),
			StartedAt:  optionalTime(s.StartedAt),
			FinishedAt: optionalTime(s.FinishedAt),
			resultJSON: newResultJSON(run.ID, s.Path, hide.JSON(s.Result.Raw()), s.ResultBytes),
			Error:      x.failure(s.Failure),
		}
		switch s.WaitingFor {
		case workflow.WaitingForSignal:
			doc.Steps[i].Signal = s.Event
		case workflow.WaitingForChild:
			doc.Steps[i].Run = s.Child
		}
	}
	return doc
}

// hiding returns what takes those texts out of results of steps that nobody is shown,
// wherever a step put them. Input and output are as they were given.
func hiding(texts []string) *telemetry.Redactor {
	if len(texts) == 0 {
		return nil
	}
	hide := &telemetry.Redactor{}
	hide.Add(texts...)
	return hide
}

// failure shows why something failed, with the fields of a problem document.
// It has no request id: the failure belongs to the run, not to the request.
func (x *requestContext) failure(f *workflow.Failure) *problem {
	if f == nil {
		return nil
	}
	p := newProblem(fromSDKError(f.Err, f.Integration), "")
	p.Step, p.Child = f.Step, f.Child
	if p.Code != f.Err.Code && f.Integration == "" {
		// The code is neither the gateway's nor an integration's: the workflow's
		// author gave it to a step "fail".
		p.Status, p.Title = statusOf(workflow.CodeFailed)
		p.Type, p.Code = typePrefix+string(workflow.CodeFailed), f.Err.Code
	}
	return p
}

// optionalInitiator returns nil for one that is not known.
func optionalInitiator(i engine.Initiator) *initiatorJSON {
	if i == (engine.Initiator{}) {
		return nil
	}
	doc := initiatorJSON(i)
	return &doc
}

// optionalTime returns nil for the zero time, which is not known yet.
func optionalTime(t time.Time) *value.Time {
	if t.IsZero() {
		return nil
	}
	return &value.Time{Time: t}
}
