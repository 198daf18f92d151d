package custom

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/suggest"
)

// Integration is a declared integration. It is safe for concurrent use.
type Integration struct {
	manifest  sdk.Manifest
	requests  map[string]*request
	names     []string // of the actions, in order
	transport *http.Transport
	redactor  *telemetry.Redactor
	now       func() time.Time
	calls     *action.CallMetrics // nil counts nothing
}

var _ action.Integration = (*Integration)(nil)

// New makes an integration. The error is template.Faults with everything that is
// wrong with the definition. Their pointers are into the definition as a config has
// it: /actions/getUser/path. New does no I/O.
func New(d Definition) (*Integration, error) {
	faults := d.Auth.check()
	base, err := url.Parse(strings.TrimRight(d.BaseURL, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Hostname() == "" ||
		base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		// The URL may come from the environment and is not quoted.
		faults = append(faults, template.Fault{Pointer: "/baseUrl", Message: "not an http or https URL without user, query and fragment"})
		base = &url.URL{Scheme: "https", Host: "invalid"} // for the checks of the actions
	}
	i := &Integration{
		manifest: sdk.Manifest{Name: d.Name},
		requests: make(map[string]*request, len(d.Actions)),
		names:    d.actionNames(), redactor: &telemetry.Redactor{}, now: time.Now,
	}
	for _, name := range i.names {
		compiled, published, found := compile(d, base, name)
		for _, f := range found {
			f.Pointer = pointer.Join("/actions", name) + f.Pointer
			faults = append(faults, f)
		}
		i.requests[name] = compiled
		i.manifest.Actions = append(i.manifest.Actions, published)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	i.redactor.Add(d.Auth.revealed()...)
	i.transport = newTransport()
	return i, nil
}

// Name is what config and paths call the integration.
func (i *Integration) Name() string { return i.manifest.Name }

// Manifest is what the integration publishes, always the same.
func (i *Integration) Manifest() *sdk.Manifest { return &i.manifest }

// Status is always ready: only a call shows whether the API responds.
func (i *Integration) Status() action.Status { return action.Status{State: action.StateReady} }

// Close closes idle connections. Calls in progress go on.
func (i *Integration) Close() { i.transport.CloseIdleConnections() }

// Measure has the calls counted from now on. It is called before the integration is
// in use.
func (i *Integration) Measure(m *action.Metrics) { i.calls = m.Add(i) }

// Execute sends the request of an action once, within the action's timeout and
// the context's deadline. The error is *sdk.Error.
func (i *Integration) Execute(ctx context.Context, call action.Call) (sdk.Result, error) {
	begun := i.calls.Begin()
	result, err := i.execute(ctx, call)
	i.calls.End(begun, err)
	return result, err
}

func (i *Integration) execute(ctx context.Context, call action.Call) (sdk.Result, error) {
	r, ok := i.requests[call.Action]
	if !ok {
		return sdk.Result{}, &sdk.Error{
			Code: sdk.CodeUnknownAction, Outcome: sdk.OutcomeNotExecuted,
			Message: fmt.Sprintf("integration %s has no action %q: %s", i.Name(), call.Action, suggest.Hint(call.Action, i.names)),
		}
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	c := &apiCall{}
	request, err := r.build(c.trace(ctx), call.Params.Value(), call.IdempotencyKey)
	if err != nil {
		return sdk.Result{}, invalid(r.name, err)
	}
	hide := i.redactor.Sparing(call.Params.Raw())
	if err := c.send(i.transport, request); err != nil {
		return sdk.Result{}, hideSecrets(i.noResponse(ctx, r, c, err), hide)
	}
	result, failure := i.result(r, c, call.IdempotencyKey != "" && r.keyHeader != "")
	if failure != nil {
		return sdk.Result{}, hideSecrets(failure, hide)
	}
	result.Body = hide.Result(result.Body, result.ContentType == "")
	result.ContentType = string(hide.Result([]byte(result.ContentType), false)) // its parameters are the API's words too
	return result, nil
}

// hideSecrets takes the secrets out of an error that repeats what an API said. An
// API may repeat the credentials that it refuses.
func hideSecrets(failure *sdk.Error, hide telemetry.Redaction) *sdk.Error {
	failure.Message = hide.String(failure.Message)
	failure.Details = hide.JSON(failure.Details)
	return failure
}
