package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/backflow/backflow/core/plugin/credential"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
)

// maxUseFaults bounds how much is shown of what does not fit.
const maxUseFaults = 1000

// CheckUses starts the plugin with its credentials, to look only, has it hold the uses
// against what is there, and ends it. It has as long for all this as for a start. The
// faults hold no secret, and each is of a use or of the credentials. The error says why
// the check could not be made, such as that the vendor cannot be reached.
func CheckUses(ctx context.Context, launcher Launcher, member Member, uses []sdk.Use, logger *slog.Logger) ([]sdk.UseFault, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, StartTimeout, errSlowStart)
	defer cancel()
	hide := &telemetry.Redactor{}
	hide.Add(member.Spec.Secrets...)
	instance, manifest, err := launch(ctx, launcher, member.Spec, slog.New(hide.Handler(logger.Handler())))
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %s", member.Spec.Name, hide.String(err.Error()))
	}
	faults, err := checkUses(ctx, instance, manifest, member.Config, uses, hide)
	if err = errors.Join(err, instance.Close(ctx)); err != nil {
		return nil, fmt.Errorf("plugin %s: %s", member.Spec.Name, hide.String(slowStart(ctx, err).Error()))
	}
	return faults, nil
}

// checkUses configures an instance and asks it.
func checkUses(ctx context.Context, instance Instance, manifest *sdk.Manifest, config sdk.Config, uses []sdk.Use, hide *telemetry.Redactor) ([]sdk.UseFault, error) {
	if !manifest.ChecksUses {
		return nil, errors.New("it cannot check how it is used")
	}
	if len(config.Credentials) == 0 {
		config.Credentials = json.RawMessage("{}")
	}
	if faults := credential.Check(manifest, config.Credentials, config.BaseDir); len(faults) > 0 {
		return nil, errors.New(credential.Describe(manifest.Name, faults))
	}
	hide.Add(credential.SecretValues(manifest.Credentials, config.Credentials)...)
	config.Inspect = true
	if err := instance.Configure(ctx, config); err != nil {
		return nil, said("configure", err)
	}
	found, err := instance.CheckUses(ctx, uses)
	if err != nil {
		return nil, said("check uses", err)
	}
	faults := make([]sdk.UseFault, 0, min(len(found), maxUseFaults))
	for _, fault := range found[:min(len(found), maxUseFaults)] {
		if fault.Use != sdk.OfCredentials && (fault.Use < 0 || fault.Use >= len(uses)) {
			return nil, fmt.Errorf("it returned a fault of use %d, and there are %d", fault.Use, len(uses))
		}
		faults = append(faults, sdk.UseFault{
			Use:     fault.Use,
			Pointer: excerpt.Bytes(hide.String(fault.Pointer), maxFault),
			Message: excerpt.Bytes(hide.String(fault.Message), maxFault),
		})
	}
	return faults, nil
}

// said returns what a plugin said of a failure: its code says nothing more to people.
func said(operation string, err error) error {
	var refusal *sdk.Error
	if errors.As(err, &refusal) {
		return fmt.Errorf("%s: %s", operation, refusal.Message)
	}
	return fmt.Errorf("%s: %w", operation, err)
}
