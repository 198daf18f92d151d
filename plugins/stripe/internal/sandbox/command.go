package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/suggest"
)

// command is something that the sandbox can do.
type command struct {
	// params is the schema of its params.
	params *schema.Schema
	do     func(s *Sandbox, ctx context.Context, params json.RawMessage) (any, error)
}

// commands are all commands, by name.
var commands = sync.OnceValue(func() map[string]command {
	kinds, err := json.Marshal(faultKinds())
	if err != nil {
		panic(err) // texts always marshal
	}
	text := `{"type":"string"}`
	return map[string]command{
		"advance": newCommand(`"by":`+text+`,"to":`+text+`,"clock":`+text+`,"account":`+text, (*Sandbox).advance),
		"reset":   newCommand("", (*Sandbox).reset),
		"fault": newCommand(fmt.Sprintf(`"clear":{"type":"boolean"},"operation":%[1]s,"kind":{"enum":%[2]s},"times":{"type":"integer","minimum":1,"maximum":%[3]d},
			"delay":%[1]s,"retryAfter":%[1]s,"status":{"type":"integer","minimum":400,"maximum":599},"type":%[1]s,"code":%[1]s,"declineCode":%[1]s,"message":%[1]s,
			"shouldRetry":{"enum":["true","false"]}`, text, kinds, maxFaultTimes), (*Sandbox).fault),
		"status": newCommand("", (*Sandbox).status),
	}
})

// newCommand makes a command of the properties of its params.
func newCommand[P, R any](properties string, do func(s *Sandbox, ctx context.Context, params P) (R, error)) command {
	compiled, err := schema.Compile([]byte(`{"type":"object","additionalProperties":false,"properties":{` + properties + `}}`))
	if err != nil {
		panic(err) // it is written above
	}
	return command{compiled, func(s *Sandbox, ctx context.Context, raw json.RawMessage) (any, error) {
		var params P
		if err := json.Unmarshal(raw, &params); err != nil {
			return nil, invalid("", "%v", err)
		}
		return do(s, ctx, params)
	}}
}

// noParams are those of a command that takes none.
type noParams struct{}

// Do does a command: "advance", "reset", "fault" or "status". Every error is an
// *sdk.Error.
func (s *Sandbox) Do(ctx context.Context, name string, params json.RawMessage) (json.RawMessage, error) {
	if err := s.Wait(ctx); err != nil {
		return nil, sdk.Refuse(sdk.CodeUnavailable, "stripe: %v", err)
	}
	names := slices.Sorted(maps.Keys(commands()))
	asked, known := commands()[name]
	if !known {
		return nil, sdk.Refuse(sdk.CodeNotFound, "stripe's sandbox has no command %q (%s)", name, suggest.Hint(name, names))
	}
	if len(params) == 0 {
		params = json.RawMessage("{}")
	}
	faults, err := asked.params.Check(params)
	if err != nil {
		return nil, invalid("", "the params of %s are not JSON: %v", name, err)
	}
	if len(faults) > 0 {
		return nil, &sdk.Error{
			Code: sdk.CodeInvalidParams, Outcome: sdk.OutcomeNotExecuted, Faults: faults,
			Message: "stripe: the params of " + name + ": " + strings.TrimPrefix(faults[0].Pointer+": ", ": ") + faults[0].Message,
		}
	}
	result, err := asked.do(s, ctx, params)
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

// invalid is a fault of a command's params, at a JSON Pointer; "" is that of all.
func invalid(pointer, format string, args ...any) *sdk.Error {
	refusal := sdk.Refuse(sdk.CodeInvalidParams, "stripe: "+format, args...)
	refusal.Faults = []sdk.Fault{{Pointer: pointer, Message: fmt.Sprintf(format, args...)}}
	return refusal
}

// reset empties the state: the sandbox is as it was at its first start, its time
// included.
func (s *Sandbox) reset(ctx context.Context, _ noParams) (any, error) {
	s.faults.clear()
	if err := s.seed(ctx, true); err != nil {
		return nil, failed(err)
	}
	s.full.Store(false)
	return map[string]any{"time": s.clock.Now().UTC().Truncate(time.Second)}, nil
}

// fault orders a fault, or takes all away.
func (s *Sandbox) fault(_ context.Context, p faultParams) (any, error) {
	if p.Clear {
		if p != (faultParams{Clear: true}) {
			return nil, invalid("/clear", "clear takes all faults away, and goes with nothing else")
		}
		s.faults.clear()
		return map[string]any{"faults": s.faults.list()}, nil
	}
	if p.Operation != "" && p.Operation != everyOperation && s.mock.Operation(p.Operation) == nil {
		near := ""
		if id := suggest.Nearest(p.Operation, s.mock.IDs()); id != "" {
			near = fmt.Sprintf(" (did you mean %q?)", id)
		}
		return nil, invalid("/operation", "%q is no operationId of Stripe's%s", p.Operation, near)
	}
	made, err := newFault(p)
	if err == nil {
		err = s.faults.add(made)
	}
	if err != nil {
		return nil, failed(err)
	}
	return map[string]any{"faults": s.faults.list()}, nil
}

// failed makes the *sdk.Error of a command that the state failed.
func failed(err error) *sdk.Error {
	var refusal *sdk.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return sdk.Refuse(sdk.CodeUnavailable, "stripe: %v", err)
}
