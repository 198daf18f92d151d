package gateway

import (
	"net/http"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// The codes of the gateway's own errors, beside those of sdk.
const (
	codeBadRequest       sdk.Code = "bad_request"
	codeInvalidJSON      sdk.Code = "invalid_json"
	codeUnauthorized     sdk.Code = "unauthorized"
	codeMethodNotAllowed sdk.Code = "method_not_allowed"
	codeRequestTimeout   sdk.Code = "request_timeout"
	codeTooLarge         sdk.Code = "payload_too_large"
	codeUnsupportedType  sdk.Code = "unsupported_media_type"
	codeKeyInvalid       sdk.Code = "idempotency_key_invalid"
	codeKeyInProgress    sdk.Code = "idempotency_key_in_progress"
	codeKeyReused        sdk.Code = "idempotency_key_reused"
	codeWebhookRefused   sdk.Code = "webhook_refused"
	codeInboxFull        sdk.Code = "inbox_full"
	codeOverloaded       sdk.Code = "overloaded"
)

// statusOf is the one place where a code becomes an HTTP status, with the title
// of the problem. A code that is not known here is an internal error.
func statusOf(code sdk.Code) (status int, title string) {
	switch code {
	case codeBadRequest:
		return http.StatusBadRequest, "Bad request"
	case codeInvalidJSON:
		return http.StatusBadRequest, "Body is not valid JSON"
	case codeKeyInvalid:
		return http.StatusBadRequest, "Idempotency-Key is not valid"
	case codeWebhookRefused:
		return http.StatusBadRequest, "Webhook refused"
	case sdk.CodeRejected:
		return http.StatusBadRequest, "Request rejected"
	case codeUnauthorized:
		return http.StatusUnauthorized, "Not authenticated"
	case sdk.CodeDeclined:
		return http.StatusPaymentRequired, "Declined"
	case sdk.CodeForbidden:
		return http.StatusForbidden, "Not allowed"
	case sdk.CodeNotFound:
		return http.StatusNotFound, "Not found"
	case sdk.CodeUnknownAction:
		return http.StatusNotFound, "No such action"
	case codeMethodNotAllowed:
		return http.StatusMethodNotAllowed, "Method not allowed"
	case codeRequestTimeout:
		return http.StatusRequestTimeout, "Request took too long to arrive"
	case sdk.CodeConflict:
		return http.StatusConflict, "Conflict"
	case sdk.CodeTooManyRows:
		return http.StatusConflict, "Too many rows"
	case workflow.CodeCancelled:
		return http.StatusConflict, "Cancelled"
	case codeKeyInProgress:
		return http.StatusConflict, "A request with this key is under way"
	case sdk.CodePreconditionFailed:
		return http.StatusPreconditionFailed, "Precondition failed"
	case codeTooLarge:
		return http.StatusRequestEntityTooLarge, "Body too large"
	case codeUnsupportedType:
		return http.StatusUnsupportedMediaType, "Unsupported media type"
	case workflow.CodeFailed:
		return http.StatusUnprocessableEntity, "Failed"
	case workflow.CodeRunTooLarge:
		return http.StatusUnprocessableEntity, "Run too large"
	case workflow.CodeRunTooManySteps:
		return http.StatusUnprocessableEntity, "Run with too many steps"
	case sdk.CodeInvalidParams:
		return http.StatusUnprocessableEntity, "Invalid parameters"
	case codeKeyReused:
		return http.StatusUnprocessableEntity, "Idempotency-Key was used for another request"
	case sdk.CodeRateLimited:
		return http.StatusTooManyRequests, "Too many requests"
	case engine.CodeLimitReached:
		return http.StatusTooManyRequests, "Limit of the workflow reached"
	case codeInboxFull:
		return http.StatusTooManyRequests, "Too many signals wait for the run"
	case sdk.CodeCredentials:
		return http.StatusBadGateway, "Integration refused the configured credentials"
	case sdk.CodeUpstream:
		return http.StatusBadGateway, "Integration failed"
	case sdk.CodeOutcomeUnknown:
		return http.StatusBadGateway, "Outcome unknown"
	case sdk.CodeResultTooLarge:
		return http.StatusBadGateway, "Result too large"
	case sdk.CodeUnavailable:
		return http.StatusServiceUnavailable, "Unavailable"
	case workflow.CodeParked:
		return http.StatusServiceUnavailable, "Parked"
	case codeOverloaded:
		return http.StatusServiceUnavailable, "Overloaded"
	case sdk.CodeTimeout:
		return http.StatusGatewayTimeout, "No answer in time"
	default:
		return http.StatusInternalServerError, "Internal error"
	}
}
