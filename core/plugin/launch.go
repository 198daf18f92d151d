package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/backflow/backflow/sdk"
)

// Inspect starts the plugin, asks for its manifest, checks it, and ends the
// plugin. The plugin gets neither config nor environment, so that checking a
// config gives away no secret.
func Inspect(ctx context.Context, launcher Launcher, spec Spec) (*sdk.Manifest, error) {
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
		return nil, nil, err
	}
	manifest, err := instance.Manifest(ctx)
	if err == nil {
		if err = Validate(manifest, spec.Name); err != nil {
			err = Permanent(fmt.Errorf("manifest: %w", err))
		}
	}
	if err != nil {
		return nil, nil, errors.Join(withExit(instance, err), instance.Close(ctx))
	}
	return instance, manifest, nil
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
