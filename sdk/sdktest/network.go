package sdktest

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/backflow/backflow/sdk"
)

// network is what a plugin's requests reach: the test's handler.
type network struct {
	handler http.Handler
	// missed is set by a request that no handler was there for; it may be nil.
	missed *atomic.Bool
}

// RoundTrip has the handler respond.
func (n network) RoundTrip(request *http.Request) (*http.Response, error) {
	if n.handler == nil {
		if n.missed != nil {
			n.missed.Store(true)
		}
		return nil, sdk.Refuse(sdk.CodeUnavailable, "%s %s: there is no network in a test; sdktest.HTTP gives one", request.Method, request.URL.Redacted())
	}
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	// What a server is given differs a little from what a client sends.
	received := request.Clone(request.Context())
	received.RequestURI = request.URL.RequestURI()
	if received.Host == "" {
		received.Host = request.URL.Host
	}
	if received.Body == nil {
		received.Body = http.NoBody
	}
	received.RemoteAddr = "192.0.2.1:1234"
	recorder := httptest.NewRecorder()
	n.handler.ServeHTTP(recorder, received)
	response := recorder.Result()
	response.Request = request
	return response, received.Body.Close()
}
