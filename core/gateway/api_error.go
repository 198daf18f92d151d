package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/destination"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
)

// defaultRetryAfter is the Retry-After where nothing better is known.
const defaultRetryAfter = time.Second

// apiError is a response that is no success, before it is sent.
type apiError struct {
	code   sdk.Code
	detail string
	// status is that of the response where it is not the code's; zero is.
	status int
	faults []sdk.Fault
	// retryAfter is the least time to wait before the next try; zero when there
	// is nothing to say.
	retryAfter time.Duration
	// header has headers that belong to the error.
	header map[string]string
	// integration is the one whose error it is, details its own fields.
	integration string
	details     json.RawMessage
	// cause is for the log only.
	cause error
}

// Error is for the log.
func (e *apiError) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.code, e.detail, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.code, e.detail)
}

// Unwrap returns the cause.
func (e *apiError) Unwrap() error { return e.cause }

// callError is an error of an integration's action.
type callError struct {
	integration string
	err         *sdk.Error
}

func (e *callError) Error() string { return e.integration + ": " + e.err.Error() }
func (e *callError) Unwrap() error { return e.err }

// apiErrorOf returns what the client may see of an error. An unknown error is
// internal: the client sees only the request id.
func apiErrorOf(err error) *apiError {
	r := classify(err)
	if r.retryAfter == 0 {
		switch r.code {
		case codeKeyInProgress, engine.CodeLimitReached, codeOverloaded, sdk.CodeRateLimited, sdk.CodeUnavailable:
			r.retryAfter = defaultRetryAfter
		}
	}
	return r
}

func classify(err error) *apiError {
	if own, ok := errors.AsType[*apiError](err); ok {
		copied := *own
		return &copied
	}
	if failed, ok := errors.AsType[*callError](err); ok {
		return fromSDKError(failed.err, failed.integration)
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return fromSDKError(e, "")
	}
	if busy, ok := errors.AsType[*idempotency.InProgressError](err); ok {
		return &apiError{code: codeKeyInProgress, detail: "a request with this Idempotency-Key is under way, try again", retryAfter: busy.RetryAfter}
	}
	if unknown, ok := errors.AsType[*idempotency.UnknownOutcomeError](err); ok {
		return &apiError{code: sdk.CodeOutcomeUnknown, detail: fmt.Sprintf("whether the request of %s with this Idempotency-Key took effect cannot be told, and it is not repeated", unknown.Since.UTC().Format(time.RFC3339))}
	}
	if refused, ok := errors.AsType[*webhook.Refusal](err); ok {
		if refused.Kind == webhook.RefusedTooLarge {
			return &apiError{code: codeTooLarge, detail: refused.Reason}
		}
		if refused.Unauthorized {
			return &apiError{code: codeUnauthorized, detail: refused.Reason}
		}
		return &apiError{code: codeWebhookRefused, detail: refused.Reason}
	}
	if corrupt, ok := errors.AsType[*engine.CorruptError](err); ok {
		return &apiError{code: sdk.CodeInternal, detail: reasonOf(corrupt), cause: err}
	}
	switch {
	case errors.Is(err, engine.ErrFenced):
		return &apiError{code: sdk.CodeUnavailable, detail: "this gateway cannot write any more, try again", cause: err}
	case errors.Is(err, idempotency.ErrMismatch):
		return &apiError{code: codeKeyReused, detail: "this Idempotency-Key was used for a request with another method, path, query or body"}
	case errors.Is(err, bulk.ErrNotFound):
		return &apiError{code: sdk.CodeNotFound, detail: "there is no such bulk, or it is not kept any more"}
	case errors.Is(err, bulk.ErrBadCursor):
		return &apiError{code: codeBadRequest, detail: "the cursor is not one that this list answered"}
	case errors.Is(err, bulk.ErrBusy):
		return &apiError{code: sdk.CodeConflict, detail: "the bulk is being changed by another request, try again", retryAfter: defaultRetryAfter}
	case errors.Is(err, destination.ErrBadCursor):
		return &apiError{code: codeBadRequest, detail: "the cursor is not one that this list answered"}
	case errors.Is(err, reconcile.ErrNoList):
		return &apiError{code: sdk.CodeConflict, detail: "nothing lists the events of the webhook's vendor: neither its provider nor reconcile.from does"}
	case errors.Is(err, reconcile.ErrNotFound):
		return &apiError{code: sdk.CodeNotFound, detail: "there is no such comparison, or it is not kept any more"}
	case errors.Is(err, reconcile.ErrBusy):
		return &apiError{code: sdk.CodeConflict, detail: "the comparison of the webhook is being changed by another request, try again", retryAfter: defaultRetryAfter}
	case errors.Is(err, engine.ErrUnknownWorkflow):
		return &apiError{code: sdk.CodeNotFound, detail: "there is no such workflow"}
	case errors.Is(err, event.ErrNotFound):
		return errNoEvent(err)
	case errors.Is(err, event.ErrBadCursor):
		return &apiError{code: codeBadRequest, detail: "the cursor is not one that this list answered"}
	case errors.Is(err, engine.ErrNotFound):
		return &apiError{code: sdk.CodeNotFound, detail: "there is no such run"}
	case errors.Is(err, engine.ErrNoResult):
		return &apiError{code: sdk.CodeNotFound, detail: "the run has no such step, or the step has no result"}
	case errors.Is(err, engine.ErrBadCursor):
		return &apiError{code: codeBadRequest, detail: "the cursor is not one that this list answered"}
	case errors.Is(err, engine.ErrEnded):
		return &apiError{code: sdk.CodeConflict, detail: reasonOf(err)}
	case errors.Is(err, engine.ErrTooLarge):
		return &apiError{code: codeTooLarge, detail: reasonOf(err)}
	case errors.Is(err, engine.ErrBadInput):
		return &apiError{code: sdk.CodeInvalidParams, detail: reasonOf(err)}
	case errors.Is(err, engine.ErrFull):
		return &apiError{code: engine.CodeLimitReached, detail: "as many runs of the workflow as may be are under way, and it drops further ones"}
	case errors.Is(err, engine.ErrBusy):
		return &apiError{code: sdk.CodeConflict, detail: "the run is being changed by another request, try again", retryAfter: defaultRetryAfter}
	case errors.Is(err, engine.ErrInboxFull):
		return &apiError{code: codeInboxFull, detail: reasonOf(err), retryAfter: defaultRetryAfter}
	case errors.Is(err, engine.ErrOverloaded):
		return &apiError{code: codeOverloaded, detail: "too many runs are being started, try again"}
	case errors.Is(err, engine.ErrStopped), errors.Is(err, engine.ErrClosed), errors.Is(err, idempotency.ErrFenced):
		return &apiError{code: sdk.CodeUnavailable, detail: "this gateway is stopping, try again", cause: err}
	case errors.Is(err, engine.ErrUnavailable):
		return &apiError{code: sdk.CodeUnavailable, detail: "the state store cannot be reached, try again", cause: err}
	case errors.Is(err, webhook.ErrUnavailable):
		return &apiError{code: sdk.CodeUnavailable, detail: "the webhook cannot be checked or stored now, try again", cause: err}
	case errors.Is(err, context.Canceled):
		return &apiError{code: codeRequestTimeout, detail: "the client went away", cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &apiError{code: sdk.CodeTimeout, detail: "there was no answer in time", cause: err}
	}
	return &apiError{code: sdk.CodeInternal, detail: "an internal error; the log tells more under this request id", cause: err}
}

// reasonOf returns the text of an engine's error without its prefix.
func reasonOf(err error) string { return strings.TrimPrefix(err.Error(), "engine: ") }

// fromSDKError returns the apiError of an integration's error, or of one of the
// same kind that the gateway found itself. The name of an integration of the gateway's
// own ends in a colon, which is not shown.
func fromSDKError(e *sdk.Error, integration string) *apiError {
	r := &apiError{
		code:        e.Code,
		detail:      e.Message,
		faults:      e.Faults,
		retryAfter:  e.RetryAfter,
		integration: strings.TrimSuffix(integration, ":"),
		details:     e.Details,
		cause:       e,
	}
	if e.Code == sdk.CodeConflict && e.Retryable && r.retryAfter == 0 {
		r.retryAfter = defaultRetryAfter
	}
	return r
}
