package gateway

import (
	"encoding/json"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
)

// startedDoc is the answer to a start that does not wait for the end.
type startedDoc struct {
	ID       string             `json:"id"`
	Workflow string             `json:"workflow"`
	Status   workflow.RunStatus `json:"status"`
}

// runSummary is a run as lists show it. Times are RFC 3339 in UTC.
type runSummary struct {
	ID         string             `json:"id"`
	Workflow   string             `json:"workflow"`
	Status     workflow.RunStatus `json:"status"`
	Error      *problem           `json:"error"`
	CreatedAt  time.Time          `json:"createdAt"`
	StartedAt  *time.Time         `json:"startedAt"`
	FinishedAt *time.Time         `json:"finishedAt"`
}

// runDoc is all of a run.
type runDoc struct {
	runSummary
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"`
	Steps  []stepDoc       `json:"steps"`
}

// stepDoc is a step of a run: with a result or an error once it has ended.
type stepDoc struct {
	ID         string              `json:"id"`
	Path       string              `json:"path"`
	Status     workflow.StepStatus `json:"status"`
	Attempts   int                 `json:"attempts"`
	StartedAt  *time.Time          `json:"startedAt"`
	FinishedAt *time.Time          `json:"finishedAt"`
	Result     json.RawMessage     `json:"result,omitempty"`
	Error      *problem            `json:"error,omitempty"`
}

func (x *exchange) runSummary(run engine.Run) runSummary {
	return runSummary{
		ID:         run.ID,
		Workflow:   run.Workflow,
		Status:     run.Status,
		Error:      x.failure(run.Error),
		CreatedAt:  run.CreatedAt.UTC(),
		StartedAt:  known(run.StartedAt),
		FinishedAt: known(run.FinishedAt),
	}
}

func (x *exchange) runDoc(run engine.Run) runDoc {
	doc := runDoc{
		runSummary: x.runSummary(run),
		Input:      run.Input,
		Output:     run.Output,
		Steps:      make([]stepDoc, len(run.Steps)),
	}
	for i := range run.Steps {
		s := &run.Steps[i]
		doc.Steps[i] = stepDoc{
			ID:         s.Step.ID,
			Path:       s.Path,
			Status:     s.Status,
			Attempts:   s.Attempts,
			StartedAt:  known(s.StartedAt),
			FinishedAt: known(s.FinishedAt),
			Result:     s.Result,
			Error:      x.failure(s.Failure()),
		}
	}
	return doc
}

// failure shows why something failed, with the fields of a problem document.
// It has no request id: the failure belongs to the run, not to who looks.
func (x *exchange) failure(f *workflow.Failure) *problem {
	if f == nil {
		return nil
	}
	p := newProblem(ofSDK(f.Err, f.Integration), "", x.redactor)
	p.Step = f.Step
	if p.Code != f.Err.Code && f.Integration == "" {
		// It is no code of ours and no integration's: the workflow's author
		// gave it to a step "fail".
		p.Status, p.Title = statusOf(workflow.CodeFailed)
		p.Type, p.Code = typePrefix+string(f.Err.Code), f.Err.Code
	}
	return p
}

// known answers nil for a time that is not known.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
