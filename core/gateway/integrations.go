package gateway

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// integrationHead is what every view of an integration begins with.
type integrationHead struct {
	Name        string        `json:"name"`
	Version     string        `json:"version,omitempty"`
	Description string        `json:"description,omitempty"`
	Status      action.Status `json:"status"`
	// Sandbox says that it stands in for its vendor.
	Sandbox bool `json:"sandbox,omitempty"`
}

// integrationSummary is an integration in the list of all.
type integrationSummary struct {
	integrationHead
	Actions []string `json:"actions"`
}

// integrationDetail is all that there is to know about calling an integration.
type integrationDetail struct {
	integrationHead
	Actions []action.View `json:"actions"`
}

// listIntegrations shows those integrations of which the caller may call
// something.
func (x *requestContext) listIntegrations(w http.ResponseWriter, _ *http.Request) error {
	page := list[integrationSummary]{Data: []integrationSummary{}}
	for _, integration := range x.table.Actions.Integrations() {
		m := integration.Manifest()
		if !x.caller.mayCallAny(integration.Name(), m) {
			continue
		}
		s := integrationSummary{headOf(integration, m), []string{}}
		if m != nil {
			for i := range m.Actions {
				s.Actions = append(s.Actions, m.Actions[i].Name)
			}
		}
		page.Data = append(page.Data, s)
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

// mayCallAny reports whether the caller may call some action of an integration; m is
// nil where it published nothing yet, and any may turn out to be its.
func (c *caller) mayCallAny(integration string, m *sdk.Manifest) bool {
	if m == nil || len(m.Actions) == 0 {
		return c.may("integrations", integration, access.AnyName)
	}
	return slices.ContainsFunc(m.Actions, func(spec sdk.ActionSpec) bool { return c.mayCall(integration, &spec) })
}

func (x *requestContext) showIntegration(w http.ResponseWriter, _ *http.Request) error {
	name := x.argument("integration")
	for _, integration := range x.table.Actions.Integrations() {
		if integration.Name() == name {
			return sendJSON(w, http.StatusOK, nil, x.describe(integration))
		}
	}
	return &apiError{code: sdk.CodeNotFound, detail: fmt.Sprintf("there is no integration %q", name)}
}

func (x *requestContext) showAction(w http.ResponseWriter, _ *http.Request) error {
	integration := x.argument("integration")
	found, err := x.table.Actions.Find(integration, x.argument("action"))
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, nil, action.ViewOf(integration, found.Spec()))
}

func (x *requestContext) describe(integration action.Integration) integrationDetail {
	name, m := integration.Name(), integration.Manifest()
	d := integrationDetail{headOf(integration, m), []action.View{}}
	if m == nil {
		return d
	}
	for i := range m.Actions {
		d.Actions = append(d.Actions, action.ViewOf(name, &m.Actions[i]))
	}
	return d
}

// headOf begins a view of an integration; m is nil where it published nothing
// yet.
func headOf(integration action.Integration, m *sdk.Manifest) integrationHead {
	head := integrationHead{Name: integration.Name(), Status: integration.Status(), Sandbox: action.InSandbox(integration)}
	if m != nil {
		head.Version, head.Description = m.Version, m.Description
	}
	return head
}

// actionByName finds the action that the path names.
func (x *requestContext) actionByName(*http.Request) (*action.Action, *action.Bound, error) {
	a, err := x.table.Actions.Find(x.argument("integration"), x.argument("action"))
	return a, nil, err
}

// sandboxCommand finds the command to a sandbox that the path names.
func (x *requestContext) sandboxCommand(*http.Request) (*action.Action, *action.Bound, error) {
	a, err := x.table.Actions.SandboxCommand(x.argument("integration"), x.argument("command"))
	return a, nil, err
}

// actionByBinding finds the action that is bound to method and path.
func (x *requestContext) actionByBinding(r *http.Request) (*action.Action, *action.Bound, error) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	a, bound, allow, err := x.table.Actions.Match(x.argument("integration"), method, x.segments[2:])
	if err == nil && a == nil {
		err = methodNotAllowed(r.Method, allow)
	}
	return a, bound, err
}
