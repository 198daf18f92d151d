package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Kinds of faults. What happens after the effect has "_after" in its name.
const (
	faultError       = "error"
	faultErrorAfter  = "error_after"
	faultHTML        = "html502"
	faultHTMLAfter   = "html502_after"
	faultCut         = "cut"
	faultCutAfter    = "cut_after"
	faultRateLimit   = "rate_limit"
	faultLockTimeout = "lock_timeout"
	faultSlow        = "slow"
	faultSlowAfter   = "slow_after"
	// faultAfter ends the names of those that happen after the effect.
	faultAfter = "_after"
)

// faultKinds are all of them.
func faultKinds() []string {
	return []string{faultError, faultErrorAfter, faultHTML, faultHTMLAfter, faultCut, faultCutAfter, faultRateLimit, faultLockTimeout, faultSlow, faultSlowAfter}
}

// Texts of Stripe's.
const (
	rateLimitMessage   = "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits."
	lockTimeoutMessage = "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate."
	badGatewayDocument = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)

// everyOperation stands for all operations.
const everyOperation = "*"

// faultParams are the params of the command "fault".
type faultParams struct {
	// Clear takes all faults away.
	Clear bool `json:"clear,omitempty"`
	// Operation is Stripe's operationId; empty, or "*", is every one.
	Operation string `json:"operation,omitempty"`
	// Kind is one of faultKinds; with a delay alone it is "slow".
	Kind string `json:"kind,omitempty"`
	// Times is how many requests it meets; 1 without it.
	Times int `json:"times,omitempty"`
	// Delay is how long a request takes beside what else happens to it: "2s", which is
	// also the default of the kinds slow and slow_after.
	Delay string `json:"delay,omitempty"`
	// RetryAfter is the header of an error, a duration: "2s".
	RetryAfter string `json:"retryAfter,omitempty"`
	// Status, Type, Code, DeclineCode and Message are those of the error of the kinds
	// error and error_after. Without them it is a 500 api_error.
	Status      int    `json:"status,omitempty"`
	Type        string `json:"type,omitempty"`
	Code        string `json:"code,omitempty"`
	DeclineCode string `json:"declineCode,omitempty"`
	Message     string `json:"message,omitempty"`
	// ShouldRetry is the header Stripe-Should-Retry of an error, "true" or "false".
	ShouldRetry string `json:"shouldRetry,omitempty"`
}

// fault is one that was ordered.
type fault struct {
	faultParams
	delay, retryAfter time.Duration
}

// maxFaults bounds the faults that wait, maxFaultTimes the requests that one meets,
// and maxDelay how slow one is.
const (
	maxFaults     = 100
	maxFaultTimes = 1_000_000
	maxDelay      = 10 * time.Minute
)

// newFault checks the params of a fault.
func newFault(p faultParams) (*fault, error) {
	f := &fault{faultParams: p}
	if f.Kind == "" && f.Delay != "" {
		f.Kind = faultSlow
	}
	if f.Delay == "" && (f.Kind == faultSlow || f.Kind == faultSlowAfter) {
		f.Delay = "2s"
	}
	if !slices.Contains(faultKinds(), f.Kind) {
		return nil, invalid("/kind", "kind is one of %s", strings.Join(faultKinds(), ", "))
	}
	var err error
	if f.delay, err = delay("delay", f.Delay); err != nil {
		return nil, err
	}
	if f.retryAfter, err = delay("retryAfter", f.RetryAfter); err != nil {
		return nil, err
	}
	if f.Operation == "" {
		f.Operation = everyOperation
	}
	if f.Times == 0 {
		f.Times = 1
	}
	return f, f.checkError()
}

// checkError checks the fields of an error.
func (f *fault) checkError() error {
	if f.Kind != faultError && f.Kind != faultErrorAfter {
		if f.Status != 0 || f.Type != "" || f.Code != "" || f.DeclineCode != "" || f.Message != "" {
			return invalid("/kind", "status, type, code, declineCode and message go with the kinds %s and %s", faultError, faultErrorAfter)
		}
		return nil
	}
	if f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	return nil
}

// delay reads a duration, empty for zero.
func delay(name, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 || wait > maxDelay {
		return 0, invalid("/"+name, "%s is a duration such as 2s, at most %s", name, maxDelay)
	}
	return wait, nil
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
		return sdk.Refuse(sdk.CodeConflict, "stripe: %d faults wait already; clear takes them back", maxFaults)
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
		if one.Operation != everyOperation && one.Operation != operation {
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
