package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/plugin/credential"
	"github.com/backflow/backflow/sdk"
)

// startTimeout bounds one start: checksum, handshake, manifest and Configure.
const startTimeout = 30 * time.Second

// start brings one instance up: nothing is taken for granted from the last one,
// because the file may be another. Accept, if it is not nil, has a say once the
// manifest is known.
func (p *Plugin) start(ctx context.Context, member Member, accept func(*sdk.Manifest) error) (*running, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	p.redactor.Add(member.Spec.Secrets...)
	file := look(member.Spec.Path)
	instance, manifest, err := launch(ctx, p.host.launcher, member.Spec, p.logger)
	if err != nil {
		return nil, err
	}
	r := &running{
		instance: instance, manifest: manifest, actions: make(map[string]struct{}, len(manifest.Actions)),
		timeout: member.Spec.Timeout, limit: newLimiter(member.Spec.MaxConcurrency), file: file, idle: make(chan struct{}),
	}
	// What it publishes is known also if it goes no further: a config is held
	// against it before anything is served.
	p.manifest.CompareAndSwap(nil, manifest)
	for i := range manifest.Actions {
		r.actions[manifest.Actions[i].Name] = struct{}{}
	}
	if accept != nil {
		err = accept(manifest)
	}
	if err == nil {
		err = p.configure(ctx, member, r)
	}
	if err != nil {
		return nil, errors.Join(withExit(instance, err), instance.Close(ctx))
	}
	return r, nil
}

// configure hands over the config, or finds that there is none to hand over.
func (p *Plugin) configure(ctx context.Context, member Member, r *running) error {
	config := member.Config
	if config.Sandbox && !r.manifest.Sandbox {
		return Permanent(errors.New("the plugin has no sandbox: it needs real credentials"))
	}
	none := len(config.Credentials) == 0
	if none {
		config.Credentials = json.RawMessage("{}")
	}
	// In the sandbox there need not be any credentials, or not all.
	if !config.Sandbox {
		if faults := credential.Check(r.manifest, config.Credentials, config.BaseDir); len(faults) > 0 {
			text := credential.Describe(p.name, faults)
			if none {
				r.missing = text
				return nil
			}
			return Permanent(errors.New(text))
		}
	}
	p.redactor.Add(credential.SecretValues(r.manifest.Credentials, config.Credentials)...)
	err := r.instance.Configure(ctx, config)
	var told *sdk.Error
	if errors.As(err, &told) {
		// It is a reason for operators: a code says nothing more to them.
		err = fmt.Errorf("configure: %s", told.Message)
		if !passing(told) {
			err = Permanent(err)
		}
	}
	return err
}

// passing reports whether a plugin that refused its config may take the same one
// a little later.
func passing(e *sdk.Error) bool {
	switch e.Code {
	case sdk.CodeUnavailable, sdk.CodeTimeout, sdk.CodeUpstream, sdk.CodeRateLimited:
		return true
	default:
		return e.Retryable
	}
}

// exitError is an instance that has ended by itself.
type exitError struct{ exit Exit }

// Error answers how it ended, with its last output.
func (e *exitError) Error() string { return "it ended: " + e.exit.String() }

// withExit adds to a failure of the start how the instance ended, where it has.
func withExit(instance Instance, err error) error {
	select {
	case <-instance.Done():
		return fmt.Errorf("%w: %w", err, &exitError{instance.Exit()})
	default:
		return err
	}
}
