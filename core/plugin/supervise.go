package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/action"
)

// Timing is time and chance for the supervision of plugins; tests hand in their
// own.
type Timing struct {
	// Now answers the present.
	Now func() time.Time
	// After answers a channel that gets a value once d has passed.
	After func(d time.Duration) <-chan time.Time
	// Random answers a number in [0,1).
	Random func() float64
}

const (
	// startTimeout bounds one start: handshake, manifest and Configure.
	startTimeout = 30 * time.Second
	// closeTimeout is how long a plugin may take to end when it is asked to.
	closeTimeout = 3 * time.Second
	// The pause before start n after a failure doubles from the first to the
	// last of these.
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
	// stableAfter is how long an instance must have lived for its end to count
	// as the first failure again.
	stableAfter = time.Minute
)

// pause is how long to wait after so many failures in a row. A quarter of it is
// chance, so that plugins that died together do not start together.
func pause(failures int, random float64) time.Duration {
	full := lastPause
	if shift := failures - 1; shift < 20 {
		full = min(lastPause, firstPause<<shift)
	}
	return full*3/4 + time.Duration(random*float64(full)/4)
}

// supervise keeps an instance running until ctx ends, and then ends it.
func (p *Plugin) supervise(ctx context.Context) {
	defer p.settle.Do(func() { close(p.settled) })
	failures := 0
	for ctx.Err() == nil {
		current, err := p.start(ctx)
		if err == nil {
			begun := p.timing.Now()
			p.ready(current)
			err = p.watch(ctx, current)
			if p.timing.Now().Sub(begun) >= stableAfter {
				failures = 0
			}
		}
		if ctx.Err() != nil {
			break
		}
		failures++
		delay := pause(failures, p.timing.Random())
		p.failed(err, failures, delay)
		select {
		case <-p.timing.After(delay):
		case <-ctx.Done():
		}
	}
	p.setStatus(status{Status: action.Status{State: action.StateFailed, Reason: "stopped"}, brief: "stopped"})
}

// start brings one instance up: nothing is taken for granted from the last one,
// because the file may be another.
func (p *Plugin) start(ctx context.Context) (*running, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	instance, manifest, err := launch(ctx, p.launcher, p.spec, p.logger)
	if err != nil {
		return nil, err
	}
	current := &running{instance: instance, manifest: manifest, actions: make(map[string]struct{})}
	for i := range manifest.Actions {
		current.actions[manifest.Actions[i].Name] = struct{}{}
	}
	if err := p.configure(ctx, current); err != nil {
		return nil, errors.Join(withExit(instance, err), instance.Close(ctx))
	}
	return current, nil
}

// configure hands over the config, or finds that there is none to hand over.
func (p *Plugin) configure(ctx context.Context, current *running) error {
	config, manifest := p.config, current.manifest
	if config.Sandbox && !manifest.Sandbox {
		return errors.New("the plugin has no sandbox: it needs real credentials")
	}
	none := len(config.Credentials) == 0
	if none {
		config.Credentials = json.RawMessage("{}")
	}
	// In the sandbox there need not be any credentials, or not all.
	if !config.Sandbox {
		if faults := CheckCredentials(manifest, config.Credentials); len(faults) > 0 {
			text := describeFaults(p.spec.Name, faults)
			if none {
				current.missing = text
				return nil
			}
			return errors.New(text)
		}
	}
	p.redactor.Add(SecretValues(manifest.Credentials, config.Credentials)...)
	return current.instance.Configure(ctx, config)
}

// ready shows an instance to the callers.
func (p *Plugin) ready(current *running) {
	now := status{Status: action.Status{State: action.StateReady}}
	if current.missing != "" {
		now = status{Status: action.Status{State: action.StateUnconfigured, Reason: current.missing}, brief: current.missing}
	}
	p.manifest.Store(current.manifest)
	p.current.Store(current)
	p.setStatus(now)
	p.settle.Do(func() { close(p.settled) })
	p.logger.Info("plugin started", "version", current.manifest.Version, "state", string(now.State))
}

// watch waits for the end of an instance, or ends it when ctx does.
func (p *Plugin) watch(ctx context.Context, current *running) error {
	select {
	case <-current.instance.Done():
	case <-ctx.Done():
	}
	p.current.Store(nil)
	// The gateway's stop must not make the plugin's end a forced one.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err := current.instance.Close(closing)
	return errors.Join(&exitError{current.instance.Exit()}, err)
}

// failed shows the callers why there is no instance.
func (p *Plugin) failed(err error, failures int, delay time.Duration) {
	brief := err.Error()
	var ended *exitError
	if errors.As(err, &ended) {
		brief = "it ended: " + ended.exit.Reason
	}
	again := ""
	if failures > 1 {
		again = fmt.Sprintf(" (%d times in a row)", failures)
	}
	now := status{
		Status:  action.Status{State: action.StateFailed, Reason: p.redactor.String(err.Error()) + again},
		brief:   p.redactor.String(brief) + again,
		retryAt: p.timing.Now().Add(delay),
	}
	p.setStatus(now)
	p.settle.Do(func() { close(p.settled) })
	p.logger.Error("plugin failed", "reason", now.Reason, "failures", failures, "nextStart", delay.String())
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
