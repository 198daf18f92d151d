package server

import (
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/gateway"
)

// ready is what /readyz shows: 200 once each plugin was ready or is reported as
// failed, as long as the state store is not known to be down: without it nothing is
// accepted.
func (s *Server) ready() gateway.Readiness {
	integrations := map[string]action.Status{}
	for _, p := range s.host.Plugins() {
		// Everybody may read this, and a reason holds the last output of a plugin:
		// it is for those who may see the integration.
		status := p.Status()
		status.Reason, status.Rejected = "", ""
		integrations[p.Name()] = status
	}
	readiness := gateway.Readiness{Ready: true, Status: "ready", Integrations: integrations}
	switch {
	case !s.pluginsReady.Load():
		readiness.Ready, readiness.Status = false, "starting"
	case s.lease.StoreDown():
		readiness.Ready, readiness.Status = false, "state store unavailable"
	}
	return readiness
}
