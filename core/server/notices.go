package server

import (
	"encoding/json"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/notice"
)

// hooks are the webhooks of a plan that receive what happens to the gateway.
func (s *Server) hooks(plan *compile.Plan) ([]notice.Hook, error) {
	var hooks []notice.Hook
	for _, w := range plan.Config.Webhooks {
		if !w.Own() {
			continue
		}
		intake, err := s.intake(w)
		if err != nil {
			return nil, err
		}
		filter, err := compile.WebhookFilter(w)
		if err != nil {
			return nil, err
		}
		hooks = append(hooks, notice.Hook{
			Name: w.Name, Window: w.Window, Intake: intake,
			Wants: func(t notice.Type) bool { return filter.MayPass(string(t)) },
		})
	}
	return hooks, nil
}

// pluginDown raises that a plugin does not work which the config names.
func (s *Server) pluginDown(name, reason string) {
	if !s.noticing.Load() || !s.current.Load().Names(name) {
		return // the first is raised by raiseDown, if it is down by then
	}
	// Two texts marshal for certain.
	data, _ := json.Marshal(map[string]string{"plugin": name, "reason": reason})
	s.notices.Raise(notice.Notice{Type: notice.TypePluginDown, Cause: name, Data: data})
}

// raiseDown raises which plugins do not work when the gateway has started.
func (s *Server) raiseDown() {
	s.noticing.Store(true)
	for _, p := range s.host.Plugins() {
		if status := p.Status(); status.State == action.StateFailed {
			s.pluginDown(p.Name(), "it could not be started")
		}
	}
}
