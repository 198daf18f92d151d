package custom

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/backflow/backflow/sdk"
)

// answer makes the result of a whole answer, or its error. Keyed says that an
// idempotency key was sent.
func (i *Integration) answer(r *request, seen *exchange, keyed bool) (sdk.Result, error) {
	if seen.status < 200 || seen.status > 299 {
		return sdk.Result{}, i.refused(r, seen, keyed)
	}
	if len(seen.body) == 0 {
		return sdk.Result{Body: []byte("null")}, nil
	}
	contentType := seen.header.Get("Content-Type")
	switch isJSON, known := jsonType(contentType); {
	case isJSON && json.Valid(seen.body):
		return sdk.Result{Body: seen.body}, nil
	case isJSON:
		return sdk.Result{}, &sdk.Error{
			Code: sdk.CodeUpstream, Outcome: sdk.OutcomeUnknown,
			Message: fmt.Sprintf("%s: the API answered %d with a body that says to be JSON and is not (%d bytes)", r.name, seen.status, len(seen.body)),
		}
	case known:
		return sdk.Result{Body: seen.body, ContentType: contentType}, nil
	case json.Valid(seen.body):
		return sdk.Result{Body: seen.body}, nil
	default:
		return sdk.Result{Body: seen.body, ContentType: "application/octet-stream"}, nil
	}
}

// jsonType reads a Content-Type. Known is false where there is none that can be
// read.
func jsonType(contentType string) (isJSON, known bool) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) { // of which the type is known
		return false, false
	}
	return media == "application/json" || strings.HasSuffix(media, "+json"), true
}

// refused makes the error of an answer that is no success (RFC 9110, section
// 15). What a 4xx refuses was not done, but for a conflict where a key was sent:
// the first request with the key may be under way, and come to its effect.
func (i *Integration) refused(r *request, seen *exchange, keyed bool) *sdk.Error {
	failure := &sdk.Error{
		Message: strings.TrimSpace(fmt.Sprintf("%s: the API answered %d %s", r.name, seen.status, http.StatusText(seen.status))),
		Details: i.details(seen),
		Outcome: sdk.OutcomeNotExecuted,
	}
	switch {
	case seen.status >= 500 || seen.status == http.StatusRequestTimeout:
		failure.Code, failure.Outcome, failure.Retryable = sdk.CodeUpstream, sdk.OutcomeUnknown, true
		failure.RetryAfter = retryAfter(seen.header, i.now())
	case seen.status < 400:
		failure.Code, failure.Outcome = sdk.CodeUpstream, sdk.OutcomeUnknown
		failure.Message += ", and redirects are not followed: check baseUrl and path"
	case seen.status == http.StatusTooManyRequests:
		failure.Code, failure.Retryable = sdk.CodeRateLimited, true
		failure.RetryAfter = retryAfter(seen.header, i.now())
	case seen.status == http.StatusUnauthorized || seen.status == http.StatusForbidden:
		failure.Code = sdk.CodeCredentials
	case seen.status == http.StatusPaymentRequired:
		failure.Code = sdk.CodeDeclined
	case seen.status == http.StatusNotFound || seen.status == http.StatusGone:
		failure.Code = sdk.CodeNotFound
	case seen.status == http.StatusConflict && keyed:
		failure.Code, failure.Outcome, failure.Retryable = sdk.CodeConflict, sdk.OutcomeUnknown, true
		failure.RetryAfter = retryAfter(seen.header, i.now())
	case seen.status == http.StatusConflict:
		failure.Code = sdk.CodeConflict
	default:
		failure.Code = sdk.CodeRejected
	}
	return failure
}

// maxDetails bounds the body of an error that is handed on, in bytes: it is
// kept with every attempt of a run.
const maxDetails = 16 << 10

// details is what the API said of its refusal.
func (i *Integration) details(seen *exchange) json.RawMessage {
	said := struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body,omitempty"`
	}{Status: seen.status}
	if isJSON, known := jsonType(seen.header.Get("Content-Type")); (isJSON || !known) && len(seen.body) <= maxDetails && json.Valid(seen.body) {
		// An API may repeat the credentials that it refuses.
		said.Body = i.redactor.JSON(seen.body)
	}
	raw, err := json.Marshal(said)
	if err != nil {
		return nil // not reached: the body is valid
	}
	return raw
}

// noAnswer makes the error of a request to which no whole answer came.
func (i *Integration) noAnswer(ctx context.Context, r *request, seen *exchange, err error) *sdk.Error {
	failure := &sdk.Error{Code: sdk.CodeUpstream, Retryable: true, Outcome: sdk.OutcomeUnknown}
	if !seen.connected.Load() {
		failure.Outcome = sdk.OutcomeNotExecuted
	}
	var timeout net.Error
	switch {
	case errors.Is(err, errTooLarge) && seen.status >= 200 && seen.status <= 299:
		failure.Code, failure.Retryable = sdk.CodeResultTooLarge, false
		failure.Message = fmt.Sprintf("the API's answer is larger than %d bytes; the request took effect", MaxAnswer)
	case errors.Is(err, errTooLarge):
		failure = i.refused(r, &exchange{status: seen.status, header: seen.header}, r.keyHeader != "")
		return failure
	case errors.Is(ctx.Err(), context.Canceled):
		failure.Code, failure.Message = sdk.CodeTimeout, "the call was given up before the API answered"
	case ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout():
		failure.Code, failure.Message = sdk.CodeTimeout, "the API did not answer in time"
	case !seen.connected.Load():
		failure.Code, failure.Message = sdk.CodeUnavailable, "the API cannot be reached: "+reason(err)
	default:
		failure.Message = "the connection broke before the whole answer came: " + reason(err)
	}
	failure.Message = r.name + ": " + i.redactor.String(failure.Message)
	return failure
}

// reason says why a connection failed, without addresses: the message reaches
// callers, whom the network behind the gateway does not concern.
func reason(err error) string {
	var dns *net.DNSError
	var number syscall.Errno
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		return "the name of its host is not known"
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &certificate):
		return "its certificate is not valid: " + certificate.Err.Error()
	}
	// What net adds to an error is the addresses.
	var operation *net.OpError
	if errors.As(err, &operation) {
		err = operation.Err
	}
	return err.Error()
}

// maxRetryAfter bounds what an answer can make a caller wait.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header, seconds or a date (RFC 9110, section 10.2.3).
// Zero means that it says nothing.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if text == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
