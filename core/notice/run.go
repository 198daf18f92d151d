package notice

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// ofRun returns the notices of a run that failed.
func (n *Notices) ofRun(ctx context.Context, e entry) ([]Notice, error) {
	run, err := n.runs.Get(ctx, e.id)
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return nil, nil
	case errors.As(err, new(*engine.CorruptError)):
		return nil, nil // the engine has logged it
	case err != nil:
		return nil, err
	case run.Error == nil: // it was retried since
		return nil, nil
	}
	return n.noticesOf(&run), nil
}

// noticesOf returns what the failure of a run means: of a run of the gateway's own
// events, and of a delivery, nothing.
func (n *Notices) noticesOf(run *engine.Run) []Notice {
	failure := run.Error.Err
	about := runData{
		Run: runJSON{
			ID: run.ID, Workflow: run.Workflow, Status: string(run.Status), CreatedAt: run.CreatedAt.UTC().Format(value.TimeFormat),
			FinishedAt: run.FinishedAt.UTC().Format(value.TimeFormat),
		},
		Error: errorJSON{Code: string(failure.Code), Message: failure.Message, Integration: run.Error.Integration, Step: run.Error.Step},
	}
	name, isEvent := strings.CutPrefix(run.Workflow, event.WorkflowID(""))
	switch {
	case isEvent && n.isHook(name):
		return nil
	case isEvent:
		about.Event = &eventJSON{ID: run.StartedBy.Event, Webhook: name}
	case strings.Contains(run.Workflow, ":"):
		return nil
	}
	cause := run.Workflow + "/" + run.Error.Step + "/" + string(failure.Code)
	// They marshal for certain: they are texts.
	data, _ := json.Marshal(about)
	var notices []Notice
	if isEvent {
		notices = append(notices, Notice{Type: TypeEventFailed, Cause: cause, Data: data})
	}
	switch {
	case failure.Code == workflow.CodeParked:
		notices = append(notices, Notice{Type: TypeRunParked, Cause: cause, Data: data})
	case !isEvent:
		notices = append(notices, Notice{Type: TypeRunFailed, Cause: cause, Data: data})
	}
	return notices
}

// runData is {{payload.data}} where a run failed.
type runData struct {
	Run   runJSON    `json:"run"`
	Event *eventJSON `json:"event,omitempty"`
	Error errorJSON  `json:"error"`
}

type runJSON struct {
	ID         string `json:"id"`
	Workflow   string `json:"workflow"`
	Status     string `json:"status"`
	CreatedAt  string `json:"createdAt"`
	FinishedAt string `json:"finishedAt"`
}

// eventJSON is the event whose run it is.
type eventJSON struct {
	ID      string `json:"id"`
	Webhook string `json:"webhook"`
}

type errorJSON struct {
	Code        string `json:"code"`
	Message     string `json:"message"`
	Integration string `json:"integration,omitempty"`
	Step        string `json:"step,omitempty"`
}
