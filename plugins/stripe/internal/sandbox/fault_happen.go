package sandbox

import (
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// before is what happens to the request on its way: a response, or nil where it
// arrives.
func (f *fault) before(x *exchange) *response {
	if f == nil || strings.HasSuffix(f.Kind, faultAfter) {
		return nil
	}
	return f.happen(x)
}

// after is what happens to the response on its way, nil where it arrives.
func (f *fault) after(x *exchange) *response {
	if f == nil || !strings.HasSuffix(f.Kind, faultAfter) {
		return nil
	}
	return f.happen(x)
}

func (f *fault) happen(x *exchange) *response {
	if f.delay > 0 {
		// The wait goes on where the client hangs up: its request is on the way still.
		x.sandbox.sleep(f.delay)
	}
	switch f.Kind {
	case faultCut, faultCutAfter:
		panic(http.ErrAbortHandler) // net/http breaks the connection, without a log line
	case faultHTML, faultHTMLAfter:
		return &response{Status: http.StatusBadGateway, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(badGatewayDocument)}
	case faultRateLimit:
		return f.refuse(&resource.Refusal{Status: http.StatusTooManyRequests, Type: resource.InvalidRequest, Code: "rate_limit", Message: rateLimitMessage})
	case faultLockTimeout:
		return f.refuse(&resource.Refusal{Status: http.StatusTooManyRequests, Type: resource.InvalidRequest, Code: "lock_timeout", Message: lockTimeoutMessage})
	}
	return nil
}

// refuse makes the response of a refusal, with the headers of the fault.
func (f *fault) refuse(refusal *resource.Refusal) *response {
	made := refuse(refusal)
	if f.RetryAfter != "" {
		made.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.retryAfter.Seconds()))))
	}
	if f.ShouldRetry != "" {
		made.Header.Set("Stripe-Should-Retry", f.ShouldRetry)
	}
	return made
}

// around makes an operation fail with the error of the fault, instead of its effect or
// after it.
func (f *fault) around(do func(*resource.Tx) outcome) func(*resource.Tx) outcome {
	if f == nil || f.Kind != faultError && f.Kind != faultErrorAfter {
		return do
	}
	return func(t *resource.Tx) outcome {
		refusal := &resource.Refusal{Status: f.Status, Type: f.Type, Code: f.Code, DeclineCode: f.DeclineCode, Message: f.Message}
		if refusal.Type == "" {
			refusal.Type = resource.APIError
		}
		if refusal.Message == "" {
			refusal.Message = "An error that the sandbox was asked for."
		}
		came := outcome{response: f.refuse(refusal), kept: refusal.Kept() || f.Status == http.StatusPaymentRequired}
		if f.Kind == faultErrorAfter {
			came.stands = do(t).stands
		}
		return came
	}
}
