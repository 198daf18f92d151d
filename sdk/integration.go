package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/backflow/backflow/sdk/internal/shape"
)

// Info says what a plugin is. Its fields are those of Manifest.
type Info struct {
	Name        string
	Version     string
	Description string
	// Sandbox says that the plugin can stand in for its vendor: see Config.
	Sandbox bool
}

// Part is what a plugin is made of: an Action, Credentials, a Webhook, Health, a
// Sandbox or a UseCheck.
type Part interface {
	join(p *integration)
}

// New makes a plugin of typed actions. It checks nothing and reads no type, so
// that a guest starts at once. Faults of the parts are the error of the gateway's
// request for the manifest; sdktest.Check finds them before.
func New(info Info, parts ...Part) Plugin {
	p := &integration{info: info, actions: make(map[string]runner)}
	for _, part := range parts {
		part.join(p)
	}
	switch {
	case p.webhook == nil:
		return p
	case p.webhook.Sample == nil:
		return verifier{p}
	}
	return sampler{verifier{p}}
}

// runner is a typed action, whatever its types.
type runner interface {
	spec() (ActionSpec, error)
	run(ctx context.Context, call *Call) (Result, error)
}

// integration is a plugin that is made of parts.
type integration struct {
	info        Info
	actions     map[string]runner
	order       []runner
	credentials *credentials
	webhook     *Webhook
	health      func(context.Context) error // nil if it tells nothing of it
	sandbox     func(context.Context, SandboxCommand) (json.RawMessage, error)
	uses        func(context.Context, []Use) ([]UseFault, error)
	faults      []error
}

var (
	_ Plugin            = (*integration)(nil)
	_ SandboxController = (*integration)(nil)
	_ UseChecker        = (*integration)(nil)
	_ EventLister       = (*integration)(nil)
	_ EndpointSyncer    = (*integration)(nil)
)

func (p *integration) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf(format, args...))
}

// Manifest returns what the plugin is. What is wrong with it is left out; Check
// returns that.
func (p *integration) Manifest() Manifest {
	manifest, _ := p.manifest()
	return manifest
}

// Check returns all that is wrong with the parts.
func (p *integration) Check() error {
	_, err := p.manifest()
	return err
}

func (p *integration) manifest() (Manifest, error) {
	m := Manifest{Name: p.info.Name, Version: p.info.Version, Description: p.info.Description, Sandbox: p.info.Sandbox, ChecksUses: p.uses != nil}
	errs := append([]error(nil), p.faults...)
	for _, a := range p.order {
		spec, err := a.spec()
		if err != nil {
			errs = append(errs, fmt.Errorf("action %q: %w", spec.Name, err))
		}
		m.Actions = append(m.Actions, spec)
	}
	if p.credentials != nil {
		var err error
		if m.Credentials, err = p.credentials.schema(); err != nil {
			errs = append(errs, fmt.Errorf("credentials: %w", err))
		}
		m.NotInDev = p.credentials.notInDev
	}
	if p.webhook != nil {
		m.Webhook = &WebhookCapability{
			EventTypes: p.webhook.EventTypes, SecretField: p.webhook.SecretField,
			Methods: p.webhook.Methods, SignsURL: p.webhook.SignsURL, FetchAction: p.webhook.FetchAction,
			ListsEvents: p.webhook.List != nil, SyncsEndpoints: p.webhook.Sync != nil,
		}
		if p.webhook.Verify == nil {
			errs = append(errs, errors.New("the webhook has no Verify"))
		}
	}
	return m, errors.Join(errs...)
}

// Configure hands the credentials over.
func (p *integration) Configure(ctx context.Context, config Config) error {
	if p.credentials == nil {
		return nil
	}
	return p.credentials.configure(ctx, config)
}

// Execute runs an action.
func (p *integration) Execute(ctx context.Context, call Call) (Result, error) {
	a, ok := p.actions[call.Action]
	if !ok {
		return Result{}, Refuse(CodeUnknownAction, "%s has no action %q", p.info.Name, call.Action)
	}
	return a.run(ctx, &call)
}

// Credentials are a plugin's credentials as a Go type. C is a struct with the
// tags of an Action's params; secret:"true" marks what must never be shown.
type Credentials[C any] struct {
	// Configure takes the credentials over. It checks them and connects nowhere,
	// so that a vendor's outage is not a failed start. It is called once, before
	// the first action; the context bounds this call only. ConfigFrom returns
	// what else the config says.
	Configure func(ctx context.Context, c C) error
	// Schema is a JSON Schema (2020-12) that is published byte for byte in place
	// of that of C, which is then json.RawMessage or has room for all that the
	// schema allows. Empty: the schema of C.
	Schema json.RawMessage
	// NotInDev says which of them may not be on a developer's machine; see
	// Manifest.NotInDev.
	NotInDev []CredentialPattern
}

func (c Credentials[C]) join(p *integration) {
	if p.credentials != nil {
		p.fault("a plugin has one entry of credentials, and these are two")
		return
	}
	t := reflect.TypeFor[C]()
	p.credentials = &credentials{typ: t, given: c.Schema, notInDev: c.NotInDev, take: func(ctx context.Context, s *shape.Shape, raw []byte) error {
		var given C
		if err := s.Decode(raw, reflect.ValueOf(&given).Elem()); err != nil {
			return fmt.Errorf("credentials: %w", err)
		}
		return c.Configure(ctx, given)
	}}
	if c.Configure == nil {
		p.fault("the credentials have no Configure")
	}
}

// credentials are Credentials, whatever their type.
type credentials struct {
	typ   reflect.Type
	given json.RawMessage // the schema, if it is not that of typ
	take  func(ctx context.Context, s *shape.Shape, raw []byte) error

	notInDev []CredentialPattern
}

func (c *credentials) shape() (*shape.Shape, error) {
	s, err := shape.Of(c.typ)
	if err == nil && !s.IsObject() {
		err = fmt.Errorf("credentials are an object, and %s is none", c.typ)
	}
	return s, err
}

func (c *credentials) schema() (json.RawMessage, error) {
	s, err := c.shape()
	if err != nil || len(c.given) > 0 {
		return c.given, err
	}
	return s.Schema(shape.Input)
}

func (c *credentials) configure(ctx context.Context, config Config) error {
	s, err := c.shape()
	if err != nil {
		return err
	}
	raw := config.Credentials
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	return c.take(context.WithValue(ctx, configKey{}, config), s, raw)
}

type configKey struct{}

// ConfigFrom returns the whole config within Credentials.Configure: whether to
// stand in for the vendor, and the directories. Elsewhere it is empty.
func ConfigFrom(ctx context.Context) Config {
	config, _ := ctx.Value(configKey{}).(Config)
	return config
}

// Webhook is a plugin's ability to verify its vendor's webhooks.
type Webhook struct {
	// EventTypes are event types that Sample can make.
	EventTypes []string
	// SecretField names the field of the credentials that holds the secret used
	// when a webhook's config names none.
	SecretField string
	// Methods, SignsURL and FetchAction are those of WebhookCapability.
	Methods     []string
	SignsURL    bool
	FetchAction string
	// Verify checks a received request: see WebhookVerifier.
	Verify func(ctx context.Context, request WebhookRequest) (WebhookEvent, error)
	// Sample makes a signed sample event: see WebhookSampler. It may be nil.
	Sample func(ctx context.Context, request SampleRequest) (Sample, error)
	// List lists what has happened: see EventLister. It may be nil.
	List func(ctx context.Context, request ListEventsRequest) (EventPage, error)
	// Sync registers the address of a webhook: see EndpointSyncer. It may be nil.
	Sync func(ctx context.Context, request SyncEndpointRequest) (EndpointSync, error)
}

func (w Webhook) join(p *integration) {
	if p.webhook != nil {
		p.fault("a plugin verifies webhooks in one way, and these are two")
		return
	}
	p.webhook = &w
}

// verifier is an integration with webhooks, sampler one that makes samples too:
// its type says what a plugin can do.
type verifier struct{ *integration }

type sampler struct{ verifier }

var (
	_ WebhookVerifier = verifier{}
	_ WebhookSampler  = sampler{}
)

// VerifyWebhook checks a received request.
func (v verifier) VerifyWebhook(ctx context.Context, request WebhookRequest) (WebhookEvent, error) {
	return v.webhook.Verify(ctx, request)
}

// SampleWebhook makes a signed sample event.
func (s sampler) SampleWebhook(ctx context.Context, request SampleRequest) (Sample, error) {
	return s.webhook.Sample(ctx, request)
}
