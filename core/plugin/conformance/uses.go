package conformance

import (
	"context"

	"github.com/backflow/backflow/sdk"
)

// checkUses asks an instance of its own, which is configured to look only, about the
// examples.
func checkUses(ctx context.Context, s *session, v *verdict) {
	if !s.manifest.ChecksUses {
		v.skip("it does not check how it is used")
		return
	}
	if s.mode == InSandbox {
		v.skip("in its sandbox there is nothing to check against")
		return
	}
	var uses []sdk.Use
	for _, subject := range s.subjects {
		uses = append(uses, sdk.Use{Action: subject.Name, Params: subject.example})
	}
	faults, err := s.checkUses(ctx, uses)
	if err != nil {
		v.fault("%v", err)
		return
	}
	for _, fault := range faults {
		switch {
		case fault.Use != sdk.OfCredentials && (fault.Use < 0 || fault.Use >= len(uses)):
			v.fault("it has a fault of use %d, and was asked about %d", fault.Use, len(uses))
		case fault.Message == "":
			v.fault("its fault at %q says nothing", fault.Pointer)
		}
	}
	v.note("%d uses, %d faults", len(uses), len(faults))
}

// checkUses starts an instance, asks it about the uses, and ends it.
func (s *session) checkUses(ctx context.Context, uses []sdk.Use) (faults []sdk.UseFault, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	instance, err := s.Launcher.Launch(ctx, s.Spec, s.Logger)
	if err != nil {
		return nil, err
	}
	defer func() {
		// How an instance ends is another check.
		_ = instance.Close(ctx)
		s.printed += instance.Exit().Printed
	}()
	config := s.config()
	config.Inspect = true
	if _, err = instance.Manifest(ctx); err == nil {
		err = instance.Configure(ctx, config)
	}
	if err != nil {
		return nil, err
	}
	return instance.CheckUses(ctx, uses)
}
