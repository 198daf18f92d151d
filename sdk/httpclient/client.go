package httpclient

import (
	"net/http"
	"time"
)

// DefaultTimeout bounds a request, its response's body included, where neither the
// context nor the caller of New says otherwise.
const DefaultTimeout = 30 * time.Second

// New returns a client whose requests end after timeout, or after DefaultTimeout
// where it is zero, and with the context of the call: make requests with
// http.NewRequestWithContext. It never repeats a request by itself.
// The error of a request that was refused or failed holds an *sdk.Error that says
// what is known of its outcome, so that it can be returned as it is; that of one
// that took too long is a timeout to package sdk.
func New(timeout time.Duration) *http.Client {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return &http.Client{Transport: transport(), Timeout: timeout}
}
