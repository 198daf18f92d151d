package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// typePrefix makes the type of a problem out of its code: the address of what
// docs/errors.md says of it. Nothing has to be fetched to understand a problem.
const typePrefix = "https://github.com/backflow/backflow/blob/main/docs/errors.md#"

// problemType is the media type of RFC 9457.
const problemType = "application/problem+json"

// problem is a problem document (RFC 9457). The integration's own fields stand
// beside these, in an object under the integration's name.
type problem struct {
	Type      string   `json:"type"`
	Title     string   `json:"title"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail,omitempty"`
	Code      sdk.Code `json:"code"`
	RequestID string   `json:"requestId,omitempty"`
	// Step is the path of the step of a run that failed, Child the run whose end
	// failed it.
	Step   string                `json:"step,omitempty"`
	Child  *workflow.FailedChild `json:"child,omitempty"`
	Errors []sdk.Fault           `json:"errors,omitempty"`

	integration string
	details     json.RawMessage
}

// newProblem returns the problem of an error. What an integration says holds no
// secret of it any more; the words of the caller are never changed.
func newProblem(e *apiError, requestID string) *problem {
	status, title := statusOf(e.code)
	code := e.code
	if status == http.StatusInternalServerError {
		code = sdk.CodeInternal
	}
	if e.status != 0 {
		status = e.status
	}
	return &problem{
		Type:        typePrefix + string(code),
		Title:       title,
		Status:      status,
		Detail:      e.detail,
		Code:        code,
		RequestID:   requestID,
		Errors:      e.faults,
		integration: e.integration,
		details:     e.details,
	}
}

// MarshalJSON puts the integration's fields beside the problem's own.
func (p *problem) MarshalJSON() ([]byte, error) {
	type plain problem // without this method
	doc, err := marshal((*plain)(p))
	if err != nil || !p.hasDetails() {
		return doc, err
	}
	name, err := marshal(p.integration)
	if err != nil {
		return nil, err
	}
	doc = append(doc[:len(doc)-1], ',')
	doc = append(doc, name...)
	doc = append(doc, ':')
	doc = append(doc, p.details...)
	return append(doc, '}'), nil
}

// hasDetails reports whether there are fields to show: an object, under a name
// that no field of the problem has.
func (p *problem) hasDetails() bool {
	switch p.integration {
	case "", "type", "title", "status", "detail", "code", "requestId", "step", "child", "errors":
		return false
	}
	return len(p.details) > 0 && bytes.TrimLeft(p.details, " \t\r\n")[0] == '{' && json.Valid(p.details)
}

// problemResponse returns the response to a request that failed.
func problemResponse(e *apiError, requestID string) (response, error) {
	p := newProblem(e, requestID)
	body, err := marshal(p)
	if err != nil {
		return response{}, err
	}
	header := http.Header{"Content-Type": {problemType}}
	for name, value := range e.header {
		header.Set(name, value)
	}
	if e.retryAfter > 0 {
		header.Set("Retry-After", seconds(e.retryAfter))
	}
	return response{p.Status, header, body}, nil
}

// seconds rounds up, because a retry that comes too early fails again.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
