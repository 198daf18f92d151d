package action

import (
	"context"
	"encoding/json"

	"github.com/backflow/backflow/sdk"
)

// Sandboxed is an integration that can stand in for its vendor, in a sandbox whose
// time can be moved and which can be made to fail.
type Sandboxed interface {
	Integration
	// InSandbox reports whether it stands in for its vendor, by the config in force.
	InSandbox() bool
	sdk.SandboxController
}

// InSandbox reports whether an integration stands in for its vendor.
func InSandbox(integration Integration) bool {
	s, ok := integration.(Sandboxed)
	return ok && s.InSandbox()
}

// SandboxCommand returns a command to the sandbox of an integration as an action that
// can be called. Which commands there are the sandbox alone knows: a call of another
// one is an error. So it is not known either what a repeat of one does. The error is
// *sdk.Error, with CodeNotFound for an integration that is not in its sandbox.
func (r *Registry) SandboxCommand(integration, command string) (*Action, error) {
	p, err := r.published(integration)
	if err != nil {
		return nil, err
	}
	found := r.entries[integration].integration
	if !InSandbox(found) {
		why := "it has no sandbox"
		if p.manifest.Sandbox {
			why = "it runs with the credentials of its vendor"
		}
		return nil, refuse(sdk.CodeNotFound, "", "integration %q does not run in its sandbox: %s", integration, why)
	}
	return offers(integration, &entry{integration: sandboxCommands{found.(Sandboxed)}}, &sdk.Manifest{Actions: []sdk.ActionSpec{
		{Name: command, Params: json.RawMessage(`{"type":"object"}`), Writes: true, Repeat: sdk.RepeatNone},
	}}).actions[command].action()
}

// sandboxCommands is an integration whose actions are the commands to its sandbox.
type sandboxCommands struct{ Sandboxed }

// Execute has the sandbox do a command.
func (s sandboxCommands) Execute(ctx context.Context, call Call) (sdk.Result, error) {
	body, err := s.ControlSandbox(ctx, sdk.SandboxCommand{Name: call.Action, Params: call.Params.Raw()})
	if err != nil {
		return sdk.Result{}, err
	}
	return sdk.Result{Body: body}, nil
}
