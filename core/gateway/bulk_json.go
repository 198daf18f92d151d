package gateway

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// bulkRequestJSON is the body of a request for a bulk.
type bulkRequestJSON struct {
	Action bulk.Action    `json:"action"`
	Filter bulkFilterJSON `json:"filter"`
	DryRun bool           `json:"dryRun,omitempty"`
	// FromStart has a replay do everything again.
	FromStart bool `json:"fromStart,omitempty"`
}

var bulkRequestSchema = newBodySchema(`{"type":"object","additionalProperties":false,"required":["action","filter"],"properties":{
	"action":{"type":"string"},
	"dryRun":{"type":"boolean"},"fromStart":{"type":"boolean"},
	"filter":{"type":"object","additionalProperties":false,"properties":{
		"workflow":{"type":"string","minLength":1},"webhook":{"type":"string","minLength":1},"type":{"type":"string","minLength":1},
		"status":{"type":["string","array"],"items":{"type":"string"}},
		"since":{"type":"string"},"until":{"type":"string"},
		"error":{"type":"string","minLength":1},
		"ids":{"type":"array","items":{"type":"string"}}}}}}`)

// bulkFilterJSON selects runs. A status may be given alone or in a list; times are
// RFC 3339.
type bulkFilterJSON struct {
	Workflow string      `json:"workflow,omitempty"`
	Webhook  string      `json:"webhook,omitempty"`
	Type     string      `json:"type,omitempty"`
	Status   oneOrMore   `json:"status,omitempty"`
	Since    *filterTime `json:"since,omitempty"`
	Until    *filterTime `json:"until,omitempty"`
	Error    sdk.Code    `json:"error,omitempty"`
	IDs      []string    `json:"ids,omitempty"`
}

// oneOrMore are statuses. One alone may be written without a list.
type oneOrMore []workflow.RunStatus

// UnmarshalJSON reads a status or a list of them.
func (o *oneOrMore) UnmarshalJSON(data []byte) error {
	var one workflow.RunStatus
	if json.Unmarshal(data, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(data, (*[]workflow.RunStatus)(o))
}

// filterTime is a time as it was written.
type filterTime string

// time reads the time of a filter; nil is the zero time.
func (t *filterTime) time(name string) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, string(*t))
	if err != nil {
		detail := name + " must be a time of RFC 3339, such as 2026-01-31T12:00:00Z"
		return time.Time{}, &apiError{code: sdk.CodeInvalidParams, detail: detail, faults: []sdk.Fault{{Pointer: "/filter/" + name, Message: detail}}}
	}
	return at.UTC(), nil
}

// newFilterTime writes a time; nil for the zero time.
func newFilterTime(at time.Time) *filterTime {
	if at.IsZero() {
		return nil
	}
	text := filterTime(at.UTC().Format(value.TimeFormat))
	return &text
}

// readBulkRequest reads the body of a request for a bulk.
func readBulkRequest(body value.Doc) (bulk.Request, error) {
	if body.IsZero() {
		body = value.TrustedDoc([]byte("{}"))
	}
	var doc bulkRequestJSON
	if err := bulkRequestSchema.read(body, &doc); err != nil {
		return bulk.Request{}, err
	}
	f := doc.Filter
	request := bulk.Request{Action: doc.Action, DryRun: doc.DryRun, Filter: bulk.Filter{
		Workflow: f.Workflow, Webhook: f.Webhook, Type: f.Type, Status: f.Status, Error: f.Error, IDs: f.IDs, FromStart: doc.FromStart,
	}}
	if doc.Action == bulk.ActionReplay { // its statuses are those of events
		request.Filter.Status = nil
		for _, status := range f.Status {
			request.Filter.Events = append(request.Filter.Events, event.Status(status))
		}
	}
	var err error
	if request.Filter.Since, err = f.Since.time("since"); err != nil {
		return request, err
	}
	request.Filter.Until, err = f.Until.time("until")
	return request, err
}

// bulkJSON is all of a bulk but its items.
type bulkJSON struct {
	ID     string         `json:"id"`
	Action bulk.Action    `json:"action"`
	Filter bulkFilterJSON `json:"filter"`
	Status bulk.Status    `json:"status"`
	Caller string         `json:"caller"`
	Counts bulk.Counts    `json:"counts"`
	// Reasons counts the items that were not done, by the code of the reason.
	Reasons    map[sdk.Code]int `json:"reasons"`
	CreatedAt  value.Time       `json:"createdAt"`
	StartedAt  *value.Time      `json:"startedAt"`
	FinishedAt *value.Time      `json:"finishedAt"`
	ExpiresAt  value.Time       `json:"expiresAt"`
	// Sample are some of the runs, where the bulk was just made.
	Sample []runSummary `json:"sample,omitempty"`
	// SampleEvents are some of the events of a replay; FromStart: it does everything again.
	SampleEvents []eventSummary `json:"sampleEvents,omitempty"`
	FromStart    bool           `json:"fromStart,omitempty"`
}

// bulkItemJSON is one run of a bulk.
type bulkItemJSON struct {
	Run     string      `json:"run,omitempty"`
	Event   string      `json:"event,omitempty"`
	Result  bulk.Result `json:"result"`
	Code    sdk.Code    `json:"code,omitempty"`
	Detail  string      `json:"detail,omitempty"`
	RerunAs string      `json:"rerunAs,omitempty"`
}

func (x *requestContext) bulkJSON(b bulk.Bulk) bulkJSON {
	doc := bulkJSON{
		ID: b.ID, Action: b.Action, Status: b.Status, Caller: b.Caller.Name, Counts: b.Counts, Reasons: b.Reasons,
		Filter: bulkFilterJSON{
			Workflow: b.Filter.Workflow, Webhook: b.Filter.Webhook, Type: b.Filter.Type, Status: b.Filter.Status, Error: b.Filter.Error, IDs: b.Filter.IDs,
			Since: newFilterTime(b.Filter.Since), Until: newFilterTime(b.Filter.Until),
		},
		CreatedAt: value.Time{Time: b.CreatedAt}, StartedAt: optionalTime(b.StartedAt), FinishedAt: optionalTime(b.FinishedAt), ExpiresAt: value.Time{Time: b.ExpiresAt},
	}
	for _, status := range b.Filter.Events {
		doc.Filter.Status = append(doc.Filter.Status, workflow.RunStatus(status))
	}
	doc.FromStart = b.Filter.FromStart
	for i := range b.SampleEvents {
		doc.SampleEvents = append(doc.SampleEvents, newEventSummary(&b.SampleEvents[i]))
	}
	if doc.Reasons == nil {
		doc.Reasons = map[sdk.Code]int{}
	}
	for _, run := range b.Sample {
		doc.Sample = append(doc.Sample, x.runSummary(run))
	}
	return doc
}

// tookTooLong is the error of a filter that looks through too many runs.
func tookTooLong(limit time.Duration, cause error) error {
	return &apiError{code: sdk.CodeTimeout, detail: fmt.Sprintf("to look through the runs took longer than %s: name a workflow, a status or a time in the filter", value.Duration(limit)), cause: cause}
}
