package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/backflow/backflow/core/plugin/credential"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

// Endpoints is a plugin that has been started to register endpoints at its vendor, and
// for nothing else. It is not safe for concurrent use.
type Endpoints struct {
	name     string
	instance Instance
	hide     *telemetry.Redactor
}

// OpenEndpoints starts the plugin with its credentials. It has as long for it as for any
// start. Close ends it.
func OpenEndpoints(ctx context.Context, launcher Launcher, member Member, logger *slog.Logger) (*Endpoints, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, StartTimeout, errSlowStart)
	defer cancel()
	e := &Endpoints{name: member.Spec.Name, hide: &telemetry.Redactor{}}
	e.hide.Add(member.Spec.Secrets...)
	instance, manifest, err := launch(ctx, launcher, member.Spec, slog.New(e.hide.Handler(logger.Handler())))
	if err != nil {
		return nil, e.failed(err)
	}
	e.instance = instance
	if err := e.configure(ctx, manifest, member.Config); err != nil {
		err = e.failed(slowStart(ctx, err))
		_ = instance.Close(ctx) // why it was not configured is worth more
		return nil, err
	}
	return e, nil
}

func (e *Endpoints) configure(ctx context.Context, manifest *sdk.Manifest, config sdk.Config) error {
	if manifest.Webhook == nil || !manifest.Webhook.SyncsEndpoints {
		return fmt.Errorf("it registers no endpoints")
	}
	if len(config.Credentials) == 0 {
		config.Credentials = json.RawMessage("{}")
	}
	if faults := credential.Check(manifest, config.Credentials, config.BaseDir); len(faults) > 0 {
		return fmt.Errorf("%s", credential.Describe(manifest.Name, faults))
	}
	e.hide.Add(credential.SecretValues(manifest.Credentials, config.Credentials)...)
	if err := e.instance.Configure(ctx, config); err != nil {
		return said("configure", err)
	}
	return nil
}

// Sync has the plugin compare the vendor's endpoint with the request, and with Apply
// make it so. Of what it returns only Secret may hold a secret. An error of the plugin
// is *sdk.Error.
func (e *Endpoints) Sync(ctx context.Context, request sdk.SyncEndpointRequest) (sdk.EndpointSync, error) {
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	sync, err := e.instance.SyncEndpoint(ctx, request)
	return checkedSync(sync, err, request, e.hide)
}

// Close ends the plugin.
func (e *Endpoints) Close(ctx context.Context) error {
	if err := e.instance.Close(ctx); err != nil {
		return e.failed(err)
	}
	return nil
}

func (e *Endpoints) failed(err error) error {
	return fmt.Errorf("plugin %s: %s", e.name, e.hide.String(err.Error()))
}
