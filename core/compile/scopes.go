package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/sdk/suggest"
)

// checkScopes finds scopes of tokens that name an integration, action or workflow that
// does not exist: such a token may do nothing.
func (p *Plan) checkScopes(catalog *action.Catalog) {
	integrations, declared := p.integrationNames()
	for i, token := range p.Config.Auth.Tokens {
		for j, scope := range token.Scopes {
			place := fmt.Sprintf("/auth/tokens/%d/scopes/%d", i, j)
			fault := func(hint, format string, args ...any) {
				p.fault(config.Fault{
					Pos: p.Config.At(place), Hint: hint,
					Message: fmt.Sprintf("auth.tokens[%d].scopes[%d]: ", i, j) + fmt.Sprintf(format, args...),
				})
			}
			parts := append(strings.Split(scope.String(), ":"), "", "")
			switch kind, name, action := parts[0], parts[1], parts[2]; {
			case name == "" || name == "*" && action == "":
			case kind == "workflows" && name != "*":
				if known := p.workflowIDs(); !slices.Contains(known, name) {
					fault(suggest.Hint(name, known), "there is no workflow %q", name)
				}
			case kind == "integrations" && name != "*" && !slices.Contains(declared, name):
				fault(suggest.Hint(name, integrations), "there is no integration %q", name)
			case kind == "integrations" && action != "" && action != "*":
				p.checkScopedAction(catalog, name, action, fault)
			}
		}
	}
}

// checkScopedAction checks the action that a scope names: of the integration that it
// names, or of any. Of an integration that has published nothing, nothing is known.
func (p *Plan) checkScopedAction(catalog *action.Catalog, integration, name string, fault func(hint, format string, args ...any)) {
	of := []string{integration}
	if integration == "*" {
		_, of = p.integrationNames()
	}
	var known []string
	for _, other := range of {
		manifest := catalog.Manifest(other)
		if manifest == nil {
			return
		}
		for _, a := range manifest.Actions {
			known = append(known, a.Name)
		}
	}
	slices.Sort(known)
	switch {
	case slices.Contains(known, name):
	case integration == "*":
		fault(suggest.Hint(name, slices.Compact(known)), "no integration has an action %q", name)
	default:
		fault(suggest.Hint(name, known), "integration %q has no action %q", integration, name)
	}
}

// workflowIDs lists the workflows, in the order of the config.
func (p *Plan) workflowIDs() []string {
	var ids []string
	for _, w := range p.Config.Workflows {
		ids = append(ids, w.ID)
	}
	return ids
}
