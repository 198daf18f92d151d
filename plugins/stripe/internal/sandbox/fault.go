package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Kinds of faults.
const (
	faultStatus    = "status"
	faultHTML      = "html502"
	faultCut       = "cut"
	faultSlow      = "slow"
	faultRateLimit = "rate_limit"
)

// faultParams are the params of the command "fault".
type faultParams struct {
	// Clear takes all faults away.
	Clear bool `json:"clear,omitempty"`
	// Operation is Stripe's operationId; empty, or "*", is every one.
	Operation string `json:"operation,omitempty"`
	// Kind is status, html502, cut, slow or rate_limit.
	Kind string `json:"kind,omitempty"`
	// When is "before" the effect, the default, or "after" it.
	When string `json:"when,omitempty"`
	// Status, Type, Code, DeclineCode and Message are those of the error of kind
	// status. Without them it is a 500 api_error.
	Status      int    `json:"status,omitempty"`
	Type        string `json:"type,omitempty"`
	Code        string `json:"code,omitempty"`
	DeclineCode string `json:"declineCode,omitempty"`
	Message     string `json:"message,omitempty"`
	// ShouldRetry is the header Stripe-Should-Retry of an error; without it there is none.
	ShouldRetry *bool `json:"shouldRetry,omitempty"`
	// Duration is how long kind slow waits: "2s".
	Duration string `json:"duration,omitempty"`
	// RetryAfter is the header of kind rate_limit, seconds.
	RetryAfter int `json:"retryAfter,omitempty"`
	// Times is how many requests it meets; 1 without it.
	Times int `json:"times,omitempty"`
}

// fault is one that was ordered.
type fault struct {
	faultParams
	wait time.Duration
}

// maxFaults bounds the faults that wait, maxFaultTimes the requests that one meets,
// and maxSlow how slow one is.
const (
	maxFaults     = 100
	maxFaultTimes = 1_000_000
	maxSlow       = 10 * time.Minute
)

// newFault checks the params of a fault.
func newFault(p faultParams) (*fault, error) {
	f := &fault{faultParams: p}
	switch p.Kind {
	case faultStatus, faultHTML, faultCut, faultRateLimit:
	case faultSlow:
		wait, err := time.ParseDuration(p.Duration)
		if err != nil || wait <= 0 || wait > maxSlow {
			return nil, fmt.Errorf("duration is a time above zero and at most %s, such as 2s", maxSlow)
		}
		f.wait = wait
	default:
		return nil, fmt.Errorf("kind is one of %s, %s, %s, %s, %s", faultStatus, faultHTML, faultCut, faultSlow, faultRateLimit)
	}
	if f.When == "" {
		f.When = "before"
	}
	if f.When != "before" && f.When != "after" {
		return nil, fmt.Errorf(`when is "before" or "after"`)
	}
	if f.Operation == "" {
		f.Operation = "*"
	}
	if f.Times == 0 {
		f.Times = 1
	}
	if f.Times < 0 || f.Times > maxFaultTimes {
		return nil, fmt.Errorf("times is 1 to %d", maxFaultTimes)
	}
	if f.Kind == faultStatus && f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	if f.Kind == faultStatus && (f.Status < 400 || f.Status > 599) {
		return nil, fmt.Errorf("status is 400 to 599")
	}
	if f.RetryAfter < 0 {
		return nil, fmt.Errorf("retryAfter is in seconds, from 0")
	}
	return f, nil
}

// faults are those that wait for a request, in the order in which they were made. They
// are not kept over a restart.
type faults struct {
	mu      sync.Mutex // guards waiting
	waiting []*fault
}

func (f *faults) add(one *fault) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == maxFaults {
		return fmt.Errorf("%d faults wait already", maxFaults)
	}
	f.waiting = append(f.waiting, one)
	return nil
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = nil
}

// list returns the faults that wait.
func (f *faults) list() []faultParams {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []faultParams{}
	for _, one := range f.waiting {
		list = append(list, one.faultParams)
	}
	return list
}

// take returns the fault that a request of an operation meets, nil for none.
func (f *faults) take(operation string) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, one := range f.waiting {
		if one.Operation != "*" && one.Operation != operation {
			continue
		}
		met := *one
		if one.Times--; one.Times == 0 {
			f.waiting = append(f.waiting[:i:i], f.waiting[i+1:]...)
		}
		return &met
	}
	return nil
}

// before is what happens to the request on its way: a response, or nil where it
// arrives.
func (f *fault) before(x *exchange) *response {
	if f == nil || f.When != "before" {
		return nil
	}
	return f.happen(x)
}

// after is what happens to the response on its way, nil where it arrives.
func (f *fault) after(x *exchange) *response {
	if f == nil || f.When != "after" {
		return nil
	}
	return f.happen(x)
}

func (f *fault) happen(x *exchange) *response {
	switch f.Kind {
	case faultSlow:
		// The wait goes on where the client hangs up: its request is on the way still.
		x.sandbox.sleep(f.wait)
	case faultCut:
		panic(http.ErrAbortHandler) // net/http breaks the connection, without a log line
	case faultHTML:
		return &response{
			Status: http.StatusBadGateway, Header: http.Header{"Content-Type": {"text/html"}},
			Body: []byte("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"),
		}
	case faultRateLimit:
		limited := refuse(&resource.Refusal{
			Status: http.StatusTooManyRequests, Type: resource.InvalidRequest, Code: "rate_limit",
			Message: "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
		})
		limited.Header.Set("Retry-After", strconv.Itoa(f.RetryAfter))
		return limited
	}
	return nil
}

// around makes an operation fail with the error of the fault, instead of its effect or
// after it.
func (f *fault) around(do func(*resource.Tx) outcome) func(*resource.Tx) outcome {
	if f == nil || f.Kind != faultStatus {
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
		came := refused(refusal)
		came.kept = came.kept || f.Status == http.StatusPaymentRequired
		if f.When == "after" {
			came.stands = do(t).stands
		}
		if f.ShouldRetry != nil {
			came.response.Header.Set("Stripe-Should-Retry", strconv.FormatBool(*f.ShouldRetry))
		}
		return came
	}
}
