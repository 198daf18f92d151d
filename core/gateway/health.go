package gateway

import (
	"net/http"

	"github.com/backflow/backflow/core/action"
)

// healthJSON is the response of /healthz.
type healthJSON struct {
	Status string `json:"status"`
}

// Readiness is what /readyz shows.
type Readiness struct {
	// Ready: requests can be expected to work.
	Ready bool `json:"-"`
	// Status is why they can or cannot, in a word or two.
	Status string `json:"status"`
	// Integrations has the state of each by its name; nil is left out.
	Integrations map[string]action.Status `json:"integrations,omitzero"`
}

// health says that the process works. It does not ask whether others do: a
// restart of this one would not help them.
func (x *requestContext) health(w http.ResponseWriter, _ *http.Request) error {
	return sendJSON(w, http.StatusOK, nil, healthJSON{Status: "ok"})
}

// ready says whether requests should be sent here.
func (x *requestContext) ready(w http.ResponseWriter, _ *http.Request) error {
	readiness := Readiness{Status: "stopping"}
	if x.stopping.Err() == nil {
		readiness = x.services.Ready()
	}
	status := http.StatusOK
	if !readiness.Ready {
		status = http.StatusServiceUnavailable
	}
	return sendJSON(w, status, nil, readiness)
}
