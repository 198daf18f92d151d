package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/plugins/stripe/internal/permission"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// unsendable makes the error of a request that could not be built.
func unsendable(err error) *sdk.Error {
	failure := sdk.Refuse(sdk.CodeInvalidParams, "stripe: %v", err)
	var fault *form.Fault
	if errors.As(err, &fault) {
		failure.Faults = []sdk.Fault{{Pointer: fault.Pointer, Message: fault.Message}}
	}
	return failure
}

// noResponse makes the error of a request that got no whole response, or one that
// claims a success without being a response of Stripe.
func noResponse(ctx context.Context, seen *exchange, err error) *sdk.Error {
	failure := &sdk.Error{Code: sdk.CodeUpstream, Retryable: true, Outcome: sdk.OutcomeUnknown}
	var timeout net.Error
	switch {
	case seen.status >= 200 && seen.status <= 299 && errors.Is(err, errTooLarge):
		return sdk.Executed(sdk.CodeResultTooLarge, "Stripe's answer is larger than %d bytes; the request took effect", maxResponse)
	case seen.complete:
		failure.Message = fmt.Sprintf("Stripe answered %d with a body that is not its own (%d bytes); whether the request took effect is unknown", seen.status, len(seen.body))
	case ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout():
		failure.Code = sdk.CodeTimeout
		failure.Message = "Stripe did not answer in time"
		if errors.Is(ctx.Err(), context.Canceled) {
			failure.Message = "the call was given up before Stripe answered"
		}
		if !seen.connected.Load() {
			failure.Outcome = sdk.OutcomeNotExecuted
		}
	case !seen.connected.Load():
		failure.Code, failure.Outcome = sdk.CodeUnavailable, sdk.OutcomeNotExecuted
		failure.Message = fmt.Sprintf("Stripe cannot be reached: %v", err)
	default:
		failure.Message = fmt.Sprintf("the connection to Stripe broke before the whole answer came: %v", err)
	}
	return failure
}

// refusal makes the error of a response that is not a success
// (https://docs.stripe.com/api/errors, and for what a key replays
// https://docs.stripe.com/api/idempotent_requests).
//
// The status comes before what the body says of itself: type and code are broad, and
// a proxy on the way has neither.
//
// Final is what Stripe keeps under the key: it keeps a response once the
// endpoint began to execute, so a decline, and any response that comes marked as
// a replay. A refusal of the parameters is given before, is not kept, and may
// turn out otherwise when the same key comes again.
func refusal(seen *exchange, now time.Time) *sdk.Error {
	said, genuine := parseError(seen.body)
	replayed := seen.header.Get("Idempotent-Replayed") == "true"
	shouldRetry := seen.header.Get("Stripe-Should-Retry")
	failure := &sdk.Error{
		Message: message(seen.status, said, genuine),
		Details: said.details(seen.header.Get("Request-Id")),
		Outcome: sdk.OutcomeNotExecuted,
		Final:   replayed,
	}
	switch {
	case seen.status == http.StatusUnauthorized || seen.status == http.StatusForbidden:
		failure.Code, failure.Final = sdk.CodeCredentials, false
		if rights := seen.lackingRights(said); seen.status == http.StatusForbidden && len(rights) > 0 {
			failure.Message = strings.TrimSuffix(failure.Message, ".") + ". The key lacks the right " + strings.Join(rights, ", or ")
			failure.Details = said.with("permissions", rights).details(seen.header.Get("Request-Id"))
		}
	case seen.status == http.StatusTooManyRequests:
		failure.Code, failure.Retryable, failure.Final = sdk.CodeRateLimited, true, false
		failure.RetryAfter = retryAfter(seen.header, now)
		if failure.RetryAfter == 0 && shouldRetry == "false" {
			failure.RetryAfter = notAtOnce
		}
		if said.Code == codeLockTimeout { // something else is at work on the object
			failure.Outcome = sdk.OutcomeUnknown
		}
	case seen.status == http.StatusConflict || said.Code == codeKeyInUse:
		// The first request with the key may be under way, and still take effect.
		failure.Code, failure.Outcome = sdk.CodeConflict, sdk.OutcomeUnknown
		failure.Retryable = !replayed && shouldRetry != "false"
		failure.RetryAfter = retryAfter(seen.header, now)
	case isUpstreamFailure(seen.status) || said.Type == "api_error":
		// A replayed one is what the key will return from now on.
		failure.Code, failure.Outcome = sdk.CodeUpstream, sdk.OutcomeUnknown
		failure.Retryable = !replayed && shouldRetry != "false"
		failure.RetryAfter = retryAfter(seen.header, now)
	case seen.status < 400 || !genuine:
		failure.Code, failure.Outcome = sdk.CodeUpstream, sdk.OutcomeUnknown
	case said.Type == "idempotency_error":
		// The key's first request, with other params, may have had its effect.
		failure.Code, failure.Outcome = sdk.CodeConflict, sdk.OutcomeUnknown
	case seen.status == http.StatusPaymentRequired || said.Type == "card_error":
		failure.Code, failure.Final = sdk.CodeDeclined, true
	case seen.status == http.StatusNotFound || said.Code == "resource_missing":
		failure.Code, failure.Retryable = sdk.CodeNotFound, shouldRetry == "true" && !replayed
		failure.RetryAfter = retryAfter(seen.header, now)
		failure.Faults = faults(said)
	default:
		failure.Code, failure.Retryable = sdk.CodeRejected, shouldRetry == "true" && !replayed
		failure.RetryAfter = retryAfter(seen.header, now)
		if why := explainAmount(said, seen.sent); why != "" {
			said.Message = strings.TrimSuffix(failure.Message, ".") + ". " + why
			failure.Message = said.Message
		}
		failure.Faults = faults(said)
	}
	return failure
}

// lackingRights are the rights of which the key lacks one: those that Stripe names, else
// the one that a restricted key needs for the request. Stripe refuses keys for other
// reasons with a code (https://docs.stripe.com/error-codes).
func (e *exchange) lackingRights(said stripeError) []string {
	if named := permission.Lacking(said.Message); len(named) > 0 {
		return named
	}
	if !e.restricted || said.Code != "" {
		return nil
	}
	if right, _ := permission.For(e.method, e.path); right != "" {
		return []string{right}
	}
	return nil
}

// notAtOnce is the least time before a repeat of a request over the rate limit that
// Stripe asks not to retry: a later one is what it recommends, and to begin with a
// second (https://docs.stripe.com/rate-limits).
const notAtOnce = time.Second

// Codes of Stripe that say that another request is under way
// (https://docs.stripe.com/error-codes).
const (
	codeKeyInUse    = "idempotency_key_in_use"
	codeLockTimeout = "lock_timeout"
)

// isUpstreamFailure reports whether a status says that Stripe failed, or what it
// depends on, so that the request may have taken effect.
func isUpstreamFailure(status int) bool {
	return status >= 500 || status == http.StatusRequestTimeout || status == http.StatusFailedDependency
}

func message(status int, said stripeError, genuine bool) string {
	switch {
	case said.Message != "":
		return strings.TrimSpace(said.Message)
	case said.Code != "" || said.Type != "":
		return fmt.Sprintf("Stripe answered %d (%s)", status, strings.TrimSpace(said.Type+" "+said.Code))
	case !genuine && status >= 300 && status < 500:
		return fmt.Sprintf("what answered %d is not Stripe: check apiBase", status)
	default:
		return fmt.Sprintf("Stripe answered %d", status)
	}
}

// faults points at the parameter that Stripe names: items[0][price] is
// /items/0/price, and expand[] is /expand.
func faults(said stripeError) []sdk.Fault {
	if said.Param == "" {
		return nil
	}
	names := strings.FieldsFunc(said.Param, func(r rune) bool { return r == '[' || r == ']' })
	return []sdk.Fault{{Pointer: pointer.Join("", names...), Message: said.Message}}
}

// maxRetryAfter bounds how long a response can make a caller wait.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header, seconds or a date (RFC 9110, section 10.2.3).
// Zero means that it says nothing.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if value == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
