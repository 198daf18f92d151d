package sdk

import (
	"context"
	"encoding/json"
)

// WebhookTarget is where a sandbox sends the events of its vendor.
type WebhookTarget struct {
	// Name is the webhook's name in the config.
	Name string `json:"name"`
	// URL is the address on this machine.
	URL string `json:"url"`
	// Secret is what events are signed with.
	Secret string `json:"secret"`
}

// SandboxController is implemented by plugins whose sandbox a developer can control:
// move its time, begin anew, make it fail.
type SandboxController interface {
	// ControlSandbox carries out one command. It is called only of a plugin for which
	// Config.Sandbox was set. An unknown command is an *Error with CodeNotFound, wrong
	// params are one with CodeInvalidParams.
	ControlSandbox(ctx context.Context, command SandboxCommand) (json.RawMessage, error)
}

// SandboxCommand is one command to a sandbox.
type SandboxCommand struct {
	// Name is such as "reset".
	Name string
	// Params is a JSON object.
	Params json.RawMessage
}

// Sandbox is a plugin's ability to have its sandbox controlled: see
// SandboxController. It goes with Info.Sandbox.
type Sandbox struct {
	// Do carries out a command. It is called from many goroutines at once.
	Do func(ctx context.Context, command SandboxCommand) (json.RawMessage, error)
}

func (s Sandbox) join(p *integration) {
	switch {
	case p.sandbox != nil:
		p.fault("a plugin has one sandbox, and these are two")
	case s.Do == nil:
		p.fault("the sandbox has no Do")
	case !p.info.Sandbox:
		p.fault("commands for a sandbox, and Info.Sandbox is false")
	default:
		p.sandbox = s.Do
	}
}

// ControlSandbox asks the part Sandbox; without one there is nothing to control.
func (p *integration) ControlSandbox(ctx context.Context, command SandboxCommand) (json.RawMessage, error) {
	if p.sandbox == nil {
		return nil, notImplemented("ControlSandbox")
	}
	return p.sandbox(ctx, command)
}
