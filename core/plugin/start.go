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

// StartTimeout bounds one start: checksum, handshake, manifest and Configure. One
// that takes longer has failed; it is killed.
const StartTimeout = 30 * time.Second

// start brings one instance up. It relies on nothing that is known of the last
// instance, because the file may be another. accept, if it is not nil, decides
// about the manifest. The state is that of the files which it was started from, as
// far as they were reached.
func (p *Plugin) start(ctx context.Context, member Member, accept func(*sdk.Manifest) error) (*running, fileState, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, StartTimeout, errSlowStart)
	defer cancel()
	p.redactor.Add(member.Spec.Secrets...)
	file := statFile(member.Spec.Path)
	instance, manifest, err := launch(ctx, p.env.launcher, member.Spec, p.logger)
	if err != nil {
		return nil, file, err
	}
	file.folders = sumFolders(credential.Directories(manifest, member.Config.Credentials, member.Config.BaseDir))
	r := &running{
		instance: instance, manifest: manifest, actions: make(map[string]struct{}, len(manifest.Actions)),
		sandbox: member.Config.Sandbox, timeout: member.Spec.Timeout, limiter: newLimiter(member.Spec.MaxConcurrency), file: file, idle: make(chan struct{}),
	}
	// The manifest is known even if the start fails from here on: a config is
	// checked against it before anything is served.
	p.manifest.CompareAndSwap(nil, manifest)
	p.isDescribed()
	for i := range manifest.Actions {
		r.actions[manifest.Actions[i].Name] = struct{}{}
	}
	err = p.env.gate.pass(ctx)
	if err == nil && accept != nil {
		err = accept(manifest)
	}
	if err == nil {
		if err = p.configure(ctx, member, r); err != nil {
			err = slowStart(ctx, err)
		}
	}
	if err != nil {
		return nil, file, errors.Join(withExit(instance, err), instance.Close(ctx))
	}
	return r, file, nil
}

// configure hands the config over, or notes which credentials it lacks.
func (p *Plugin) configure(ctx context.Context, member Member, r *running) error {
	config := member.Config
	if config.Sandbox && !r.manifest.Sandbox {
		return Permanent(errors.New("the plugin has no sandbox: it needs real credentials"))
	}
	noCredentials := len(config.Credentials) == 0
	if noCredentials {
		config.Credentials = json.RawMessage("{}")
	}
	// In the sandbox credentials may be missing, some or all of them.
	if !config.Sandbox {
		if faults := credential.Check(r.manifest, config.Credentials, config.BaseDir); len(faults) > 0 {
			text := credential.Describe(p.name, faults)
			if noCredentials {
				r.missingCredentials = text
				return nil
			}
			return Permanent(errors.New(text))
		}
	}
	p.redactor.Add(credential.SecretValues(r.manifest.Credentials, config.Credentials)...)
	for _, target := range config.Webhooks {
		p.redactor.Add(target.Secret)
	}
	err := r.instance.Configure(ctx, config)
	var refusal *sdk.Error
	if errors.As(err, &refusal) {
		// The reason is for operators: a code says nothing more to them.
		err = fmt.Errorf("configure: %s", refusal.Message)
		if !isTransient(refusal) {
			err = Permanent(err)
		}
	}
	return err
}

// isTransient reports whether a plugin that refused its config may accept the same
// one a little later.
func isTransient(e *sdk.Error) bool {
	switch e.Code {
	case sdk.CodeUnavailable, sdk.CodeTimeout, sdk.CodeUpstream, sdk.CodeRateLimited:
		return true
	default:
		return e.Retryable
	}
}
