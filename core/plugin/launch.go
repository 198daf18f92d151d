package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Inspect starts the plugin, asks for its manifest, checks it, and ends the
// plugin. The plugin gets neither config nor environment, so that checking a
// config gives away no secret. It has as long for it as for any start.
func Inspect(ctx context.Context, launcher Launcher, spec Spec) (*sdk.Manifest, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, StartTimeout, errSlowStart)
	defer cancel()
	spec.Env = nil
	instance, manifest, err := launch(ctx, launcher, spec, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", spec.Name, err)
	}
	if err := instance.Close(ctx); err != nil {
		return nil, fmt.Errorf("plugin %s: %w", spec.Name, err)
	}
	return manifest, nil
}

// launch starts the file and checks its manifest.
func launch(ctx context.Context, launcher Launcher, spec Spec, logger *slog.Logger) (Instance, *sdk.Manifest, error) {
	if err := spec.checkPinned(); err != nil {
		return nil, nil, err
	}
	instance, err := launcher.Launch(ctx, spec, logger)
	if err != nil {
		return nil, nil, slowStart(ctx, err)
	}
	manifest, err := instance.Manifest(ctx)
	if err == nil {
		if err = Validate(manifest, spec.Name); err != nil {
			err = Permanent(fmt.Errorf("manifest: %w", err))
		}
	}
	if err != nil {
		return nil, nil, errors.Join(withExit(instance, slowStart(ctx, err)), instance.Close(ctx))
	}
	return instance, manifest, nil
}

// errSlowStart is why a start was given up that takes too long.
var errSlowStart = fmt.Errorf("it has not started within %d seconds", StartTimeout/time.Second)

// slowStart says of a start that failed because it took too long just that.
func slowStart(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSlowStart) {
		return errSlowStart
	}
	return err
}

// withExit adds to a failure of the start how the instance ended, if it has.
func withExit(instance Instance, err error) error {
	select {
	case <-instance.Done():
		return fmt.Errorf("%w: %w", err, &exitError{instance.Exit()})
	default:
		return err
	}
}
