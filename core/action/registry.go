package action

import (
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// Registry is the set of integrations that a config gives: a Catalog whose
// actions can be called. It is safe for concurrent use.
type Registry struct {
	Catalog
}

// NewRegistry returns a registry. Two integrations of one name are an error.
func NewRegistry(integrations ...Integration) (*Registry, error) {
	r := &Registry{Catalog{entries: make(map[string]*entry, len(integrations))}}
	for _, integration := range integrations {
		name := integration.Name()
		if _, taken := r.entries[name]; taken {
			return nil, fmt.Errorf("action: there are two integrations %q", name)
		}
		r.entries[name] = &entry{publisher: integration, integration: integration}
		r.names = append(r.names, name)
	}
	slices.Sort(r.names)
	return r, nil
}

// LocateCredentials gives the registry a function that returns where the credentials of
// an integration stand, "" if nowhere. The error of a call whose credentials the vendor
// refused says it. It is called before anything else of the registry is used.
func (r *Registry) LocateCredentials(at func(integration string, manifest *sdk.Manifest) string) {
	for name, e := range r.entries {
		e.credentials = func(manifest *sdk.Manifest) string { return at(name, manifest) }
	}
}

// Integrations lists the integrations, by name.
func (r *Registry) Integrations() []Integration {
	list := make([]Integration, len(r.names))
	for i, name := range r.names {
		list[i] = r.entries[name].integration
	}
	return list
}

// Integration returns the integration of that name.
func (r *Registry) Integration(name string) (Integration, bool) {
	e, ok := r.entries[name]
	if !ok {
		return nil, false
	}
	return e.integration, true
}

// Find returns an action by name. The error is *sdk.Error: CodeNotFound for an
// unknown integration, CodeUnknownAction for an unknown action, CodeUnavailable
// with the reason for an integration that was never ready.
func (r *Registry) Find(integration, action string) (*Action, error) {
	return r.action(integration, action)
}

// Match returns the action that is bound to a method and to the path segments
// below /integrations/{integration}, with what stands in the path. A literal
// segment goes before one that is a param. Where the path is bound but not to this
// method, the action is nil and allow lists the methods. Errors are those of Find,
// with CodeNotFound for a path that is not bound.
func (r *Registry) Match(integration, method string, segments []string) (a *Action, bound *Bound, allow []string, err error) {
	p, err := r.published(integration)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, candidate := range p.bound {
		path, ok := candidate.binding.match(segments)
		if !ok {
			continue
		}
		if candidate.spec.HTTP.Method == method {
			a, err := candidate.action()
			return a, &Bound{Path: path}, nil, err
		}
		if !slices.Contains(allow, candidate.spec.HTTP.Method) {
			allow = append(allow, candidate.spec.HTTP.Method)
		}
	}
	if len(allow) > 0 {
		slices.Sort(allow)
		return nil, nil, allow, nil
	}
	return nil, nil, nil, refuse(sdk.CodeNotFound, "", "integration %q has no endpoint /%s", integration, strings.Join(segments, "/"))
}

// Unavailable is the error of a call to an integration that is not ready.
func Unavailable(name string, status Status) *sdk.Error {
	message := fmt.Sprintf("integration %q is not available (%s)", name, status.State)
	if status.Reason != "" {
		message = fmt.Sprintf("integration %q is not available: %s", name, status.Reason)
	}
	return &sdk.Error{Code: sdk.CodeUnavailable, Message: message, Retryable: true, Outcome: sdk.OutcomeNotExecuted}
}

// refuse is an error before anything was called, with a hint where there is one.
func refuse(code sdk.Code, hint, format string, args ...any) *sdk.Error {
	message := fmt.Sprintf(format, args...)
	if hint != "" {
		message += " (" + hint + ")"
	}
	return &sdk.Error{Code: code, Message: message, Outcome: sdk.OutcomeNotExecuted}
}
