package server

import "github.com/backflow/backflow/core/action"

// ready is what /readyz shows: 200 once each plugin was ready or is reported as
// failed, as long as the state store takes heartbeats: without it nothing is
// accepted.
func (s *Server) ready() (bool, any) {
	integrations := map[string]action.Status{}
	for _, p := range s.host.Plugins() {
		// Everybody may read this, and a reason holds the last output of a plugin:
		// it is for those who may see the integration.
		status := p.Status()
		status.Reason, status.Rejected = "", ""
		integrations[p.Name()] = status
	}
	ready, status := true, "ready"
	switch {
	case !s.pluginsReady.Load():
		ready, status = false, "starting"
	case !s.lease.Fresh():
		ready, status = false, "state store unavailable"
	}
	return ready, struct {
		Status       string                   `json:"status"`
		Integrations map[string]action.Status `json:"integrations"`
	}{status, integrations}
}
