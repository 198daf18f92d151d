package gateway

import (
	"net/http"
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
