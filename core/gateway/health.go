package gateway

import (
	"net/http"

	"github.com/backflow/backflow/sdk"
)

// health answers that the process works. It does not ask whether others do: a
// restart of this one would not help them.
func (x *exchange) health(w http.ResponseWriter, _ *http.Request) error {
	return sendJSON(w, http.StatusOK, nil, map[string]string{"status": "ok"})
}

// ready answers whether requests should be sent here.
func (x *exchange) ready(w http.ResponseWriter, _ *http.Request) error {
	if x.stopping.Err() != nil {
		return sendJSON(w, http.StatusServiceUnavailable, nil, map[string]string{"status": "stopping"})
	}
	ok, body := x.readiness()
	status := http.StatusOK
	if !ok {
		status = http.StatusServiceUnavailable
	}
	return sendJSON(w, status, nil, body)
}

// showMetrics answers what was measured. It tells operators how the gateway and
// its vendors do, which is not for everybody.
func (x *exchange) showMetrics(w http.ResponseWriter, r *http.Request) error {
	if err := x.caller.authorize("metrics", "read"); err != nil {
		return err
	}
	if x.metrics == nil {
		return &refusal{code: sdk.CodeNotFound, detail: "there is nothing at this path"}
	}
	x.metrics.ServeHTTP(w, r)
	return nil
}
