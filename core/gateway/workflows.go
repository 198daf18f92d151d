package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// workflowJSON is a workflow as clients see it.
type workflowJSON struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Input is the schema of the input, where there is one.
	Input json.RawMessage    `json:"input,omitempty"`
	Steps []workflowStepJSON `json:"steps"`
	// Definition is all of the workflow as it was written; lists leave it out.
	Definition json.RawMessage `json:"definition,omitempty"`
}

type workflowStepJSON struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	Integration string `json:"integration,omitempty"`
	Action      string `json:"action,omitempty"`
	Workflow    string `json:"workflow,omitempty"`
	// Steps are those in the step.
	Steps []workflowStepJSON `json:"steps,omitempty"`
}

func newWorkflowJSON(wf *workflow.Definition) workflowJSON {
	return workflowJSON{ID: wf.ID, Name: wf.Name, Input: wf.InputSchema, Steps: workflowStepsJSON(wf.Steps)}
}

// workflowStepsJSON describes the steps of a block, with those in them.
func workflowStepsJSON(b *workflow.Block) []workflowStepJSON {
	docs := []workflowStepJSON{}
	if b == nil {
		return docs
	}
	for _, s := range b.Steps {
		doc := workflowStepJSON{ID: s.ID, Type: string(s.Type), Integration: s.Integration, Action: s.Action, Workflow: s.Workflow}
		for _, inner := range s.Inner() {
			doc.Steps = append(doc.Steps, workflowStepsJSON(inner)...)
		}
		docs = append(docs, doc)
	}
	return docs
}

// listWorkflows shows the workflows that the caller may read.
func (x *requestContext) listWorkflows(w http.ResponseWriter, _ *http.Request) error {
	page := list[workflowJSON]{Data: []workflowJSON{}}
	for _, wf := range x.services.Runs.Workflows() {
		if x.caller.may("workflows", wf.ID, "read") {
			page.Data = append(page.Data, newWorkflowJSON(wf))
		}
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

func (x *requestContext) showWorkflow(w http.ResponseWriter, _ *http.Request) error {
	id := x.argument("workflow")
	for _, wf := range x.services.Runs.Workflows() {
		if wf.ID == id {
			doc := newWorkflowJSON(wf)
			doc.Definition = wf.Raw
			return sendJSON(w, http.StatusOK, nil, doc)
		}
	}
	return &apiError{code: sdk.CodeNotFound, detail: "there is no such workflow"}
}
