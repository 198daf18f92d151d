package httpclient

import (
	"net/http"
	"time"
)

// DefaultTimeout bounds a request, its answer's body included, where neither the
// context nor whoever calls New says otherwise.
const DefaultTimeout = 30 * time.Second

// New answers a client whose requests end after timeout, or after DefaultTimeout
// where it is zero, and with the context of the call: make requests with
// http.NewRequestWithContext. It never repeats a request by itself. In a guest
// the error of a request that was refused or failed holds an *sdk.Error that says
// what is known of its outcome, so that it can be answered as it is.
func New(timeout time.Duration) *http.Client {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return &http.Client{Transport: transport(), Timeout: timeout}
}
