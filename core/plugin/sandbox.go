package plugin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/backflow/backflow/sdk"
)

// ControlSandbox has the plugin carry out a command to its sandbox. Params are an
// object; the result is JSON. The error is *sdk.Error, with CodeNotFound where the
// plugin is not its vendor's sandbox, and CodeUnknownAction where it takes no commands.
func (p *Plugin) ControlSandbox(ctx context.Context, command sdk.SandboxCommand) (json.RawMessage, error) {
	r, refusal := p.acquire()
	if refusal != nil {
		return nil, refusal
	}
	defer r.release()
	if !r.sandbox {
		return nil, sdk.Refuse(sdk.CodeNotFound,
			"%s is not in its sandbox: it has credentials of its vendor, and what it does is done there", p.name)
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	result, err := r.instance.ControlSandbox(ctx, command)
	hide := p.redactor.Sparing([]byte(command.Name), command.Params)
	if err != nil {
		return nil, sanitize(err, hide)
	}
	checked, failure := checkResult(sdk.Result{Body: result})
	if failure != nil {
		failure.Message = fmt.Sprintf("%s: %s", command.Name, failure.Message)
		return nil, failure
	}
	return hide.Result(checked.Body, true), nil
}
