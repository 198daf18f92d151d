package custom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/backflow/backflow/core/outgoing"
	"github.com/backflow/backflow/sdk"
)

// result makes the result of a complete response, or its error. keyed says that an
// idempotency key was sent.
func (i *Integration) result(r *request, c *apiCall, keyed bool) (sdk.Result, *sdk.Error) {
	if c.status < 200 || c.status > 299 {
		return sdk.Result{}, i.statusError(r, c, keyed)
	}
	if len(c.body) == 0 {
		return sdk.Result{Body: []byte("null")}, nil
	}
	contentType := c.header.Get("Content-Type")
	switch isJSON, known := jsonType(contentType); {
	case isJSON && json.Valid(c.body):
		return sdk.Result{Body: c.body}, nil
	case isJSON:
		return sdk.Result{}, sdk.Executed(sdk.CodeUpstream, "%s: the API answered %d with a body that says to be JSON and is not (%d bytes); the request took effect", r.name, c.status, len(c.body))
	case known:
		return sdk.Result{Body: c.body, ContentType: contentType}, nil
	case json.Valid(c.body):
		return sdk.Result{Body: c.body}, nil
	default:
		return sdk.Result{Body: c.body, ContentType: "application/octet-stream"}, nil
	}
}

// jsonType reads a Content-Type. known is false if none exists, or none that can be
// read.
func jsonType(contentType string) (isJSON, known bool) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) { // its type can still be read
		return false, false
	}
	return media == "application/json" || strings.HasSuffix(media, "+json"), true
}

// statusError makes the error of a response that is no success (RFC 9110, section
// 15). A 4xx means that the action was not executed, except a conflict when a key
// was sent: the first request with the key may be in progress, and still take effect.
func (i *Integration) statusError(r *request, c *apiCall, keyed bool) *sdk.Error {
	failure := &sdk.Error{
		Message: strings.TrimSpace(fmt.Sprintf("%s: the API answered %d %s", r.name, c.status, http.StatusText(c.status))),
		Details: i.details(c),
		Outcome: sdk.OutcomeNotExecuted,
	}
	switch {
	case c.status >= 500 || c.status == http.StatusRequestTimeout || c.status == http.StatusFailedDependency:
		failure.Code, failure.Outcome, failure.Retryable = sdk.CodeUpstream, sdk.OutcomeUnknown, true
		failure.RetryAfter = outgoing.RetryAfter(c.header, i.now())
	case c.status < 400:
		failure.Code, failure.Outcome = sdk.CodeUpstream, sdk.OutcomeUnknown
		failure.Message += ", and redirects are not followed: check baseUrl and path"
	case c.status == http.StatusTooManyRequests:
		failure.Code, failure.Retryable = sdk.CodeRateLimited, true
		failure.RetryAfter = outgoing.RetryAfter(c.header, i.now())
	case c.status == http.StatusTooEarly: // RFC 8470, section 5.2
		failure.Code, failure.Retryable = sdk.CodeUnavailable, true
		failure.RetryAfter = outgoing.RetryAfter(c.header, i.now())
	case c.status == http.StatusUnauthorized || c.status == http.StatusForbidden:
		failure.Code = sdk.CodeCredentials
	case c.status == http.StatusPaymentRequired:
		failure.Code = sdk.CodeDeclined
	case c.status == http.StatusNotFound || c.status == http.StatusGone:
		failure.Code = sdk.CodeNotFound
	case c.status == http.StatusConflict && keyed:
		failure.Code, failure.Outcome, failure.Retryable = sdk.CodeConflict, sdk.OutcomeUnknown, true
		failure.RetryAfter = outgoing.RetryAfter(c.header, i.now())
	case c.status == http.StatusConflict:
		failure.Code = sdk.CodeConflict
	default:
		failure.Code = sdk.CodeRejected
	}
	return failure
}

// maxDetails bounds, in bytes, the body of a response that becomes details of an
// error: they are stored with every attempt of a run.
const maxDetails = 16 << 10

// details is what the response said about the error.
func (i *Integration) details(c *apiCall) json.RawMessage {
	details := struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body,omitempty"`
	}{Status: c.status}
	if isJSON, known := jsonType(c.header.Get("Content-Type")); (isJSON || !known) && len(c.body) <= maxDetails && json.Valid(c.body) {
		details.Body = c.body
	}
	raw, err := json.Marshal(details)
	if err != nil {
		return nil // not reached: the body is valid
	}
	return raw
}

// noResponse makes the error of a request to which no complete response came.
func (i *Integration) noResponse(ctx context.Context, r *request, c *apiCall, err error) *sdk.Error {
	failure := &sdk.Error{Code: sdk.CodeUpstream, Retryable: true, Outcome: sdk.OutcomeUnknown}
	succeeded := c.status >= 200 && c.status <= 299 // its body did not come whole
	switch {
	case succeeded:
		failure.Outcome = sdk.OutcomeExecuted
	case !c.connected.Load():
		failure.Outcome = sdk.OutcomeNotExecuted
	}
	var timeout net.Error
	switch {
	case errors.Is(err, errTooLarge) && succeeded:
		failure = sdk.Executed(sdk.CodeResultTooLarge, "the API's answer is larger than %d bytes; the request took effect", MaxResponse)
	case errors.Is(err, errTooLarge):
		failure = i.statusError(r, &apiCall{status: c.status, header: c.header}, r.keyHeader != "")
		return failure
	case errors.Is(ctx.Err(), context.Canceled):
		failure.Code, failure.Message = sdk.CodeTimeout, "the call was given up before the API answered"
	case ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout():
		failure.Code, failure.Message = sdk.CodeTimeout, "the API did not answer in time"
	case !c.connected.Load():
		failure.Code, failure.Message = sdk.CodeUnavailable, "the API cannot be reached: "+outgoing.Reason(err)
	default:
		failure.Message = "the connection broke before the whole answer came: " + outgoing.Reason(err)
	}
	failure.Message = r.name + ": " + failure.Message
	return failure
}
