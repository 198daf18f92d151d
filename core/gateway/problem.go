package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

// typePrefix makes the type of a problem out of its code. It is a name and no
// address: nothing has to be fetched to understand a problem.
const typePrefix = "urn:backflow:problem:"

// problemType is the media type of RFC 9457.
const problemType = "application/problem+json"

// problem is a problem document (RFC 9457). The integration's own fields stand
// beside these, in an object under the integration's name.
type problem struct {
	Type      string      `json:"type"`
	Title     string      `json:"title"`
	Status    int         `json:"status"`
	Detail    string      `json:"detail,omitempty"`
	Code      sdk.Code    `json:"code"`
	RequestID string      `json:"requestId,omitempty"`
	Step      string      `json:"step,omitempty"`
	Errors    []sdk.Fault `json:"errors,omitempty"`

	integration string
	details     json.RawMessage
}

// newProblem tells a refusal without the secrets that an integration's message
// may repeat.
func newProblem(r *refusal, requestID string, redactor *telemetry.Redactor) *problem {
	status, title := statusOf(r.code)
	code := r.code
	if status == http.StatusInternalServerError {
		code = sdk.CodeInternal
	}
	faults := slices.Clone(r.faults)
	for i := range faults {
		faults[i].Pointer = redactor.String(faults[i].Pointer)
		faults[i].Message = redactor.String(faults[i].Message)
	}
	return &problem{
		Type:        typePrefix + string(code),
		Title:       title,
		Status:      status,
		Detail:      redactor.String(r.detail),
		Code:        code,
		RequestID:   requestID,
		Errors:      faults,
		integration: r.integration,
		details:     redactor.JSON(r.details),
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
	case "", "type", "title", "status", "detail", "code", "requestId", "step", "errors":
		return false
	}
	return len(p.details) > 0 && bytes.TrimLeft(p.details, " \t\r\n")[0] == '{' && json.Valid(p.details)
}

// marshal is json.Marshal without the escapes that are meant for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// answer is a whole response before it is sent, so that it can be kept.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// answerOf is the answer that tells a refusal.
func answerOf(r *refusal, requestID string, redactor *telemetry.Redactor) (answer, error) {
	p := newProblem(r, requestID, redactor)
	body, err := marshal(p)
	if err != nil {
		return answer{}, err
	}
	header := http.Header{"Content-Type": {problemType}}
	for name, value := range r.header {
		header.Set(name, value)
	}
	if r.retryAfter > 0 {
		header.Set("Retry-After", seconds(r.retryAfter))
	}
	return answer{p.Status, header, body}, nil
}

// seconds rounds up: who comes early comes in vain.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// send writes the answer. A client that is gone is no error of ours.
func (a answer) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	// The only errors are those of a connection that ended.
	_, _ = w.Write(a.body)
}

// sendJSON answers a value as JSON.
func sendJSON(w http.ResponseWriter, status int, header http.Header, v any) error {
	body, err := marshal(v)
	if err != nil {
		return err
	}
	all := http.Header{"Content-Type": {"application/json"}}
	for name, values := range header {
		all[name] = values
	}
	answer{status, all, body}.send(w)
	return nil
}
