package gateway

import (
	"net/http"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/sdk"
)

// workflowDoc is a workflow as clients see it.
type workflowDoc struct {
	ID    string            `json:"id"`
	Name  string            `json:"name,omitempty"`
	Steps []workflowStepDoc `json:"steps"`
}

type workflowStepDoc struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	Integration string `json:"integration,omitempty"`
	Action      string `json:"action,omitempty"`
}

func newWorkflowDoc(wf engine.Workflow) workflowDoc {
	doc := workflowDoc{ID: wf.ID, Name: wf.Name, Steps: make([]workflowStepDoc, len(wf.Steps))}
	for i, s := range wf.Steps {
		doc.Steps[i] = workflowStepDoc(s)
	}
	return doc
}

// listWorkflows shows the workflows that the caller may read.
func (x *exchange) listWorkflows(w http.ResponseWriter, _ *http.Request) error {
	if err := x.caller.authorize("workflows", access.Some, "read"); err != nil {
		return err
	}
	page := list[workflowDoc]{Data: []workflowDoc{}}
	for _, wf := range x.runs.Workflows() {
		if x.caller.may("workflows", wf.ID, "read") {
			page.Data = append(page.Data, newWorkflowDoc(wf))
		}
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

func (x *exchange) showWorkflow(w http.ResponseWriter, _ *http.Request) error {
	id := x.segments[1]
	if err := x.caller.authorize("workflows", id, "read"); err != nil {
		return err
	}
	for _, wf := range x.runs.Workflows() {
		if wf.ID == id {
			return sendJSON(w, http.StatusOK, nil, newWorkflowDoc(wf))
		}
	}
	return &refusal{code: sdk.CodeNotFound, detail: "there is no such workflow"}
}
