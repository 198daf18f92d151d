package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Do does a command: "advance", "reset", "fault" or "status". Every error is an
// *sdk.Error.
func (s *Sandbox) Do(ctx context.Context, command string, params json.RawMessage) (json.RawMessage, error) {
	if err := s.Wait(ctx); err != nil {
		return nil, sdk.Refuse(sdk.CodeUnavailable, "stripe: %v", err)
	}
	var result any
	var err error
	switch command {
	case "advance":
		var p advanceParams
		if err = read(params, &p); err == nil {
			result, err = s.advance(ctx, p)
		}
	case "reset":
		if err = read(params, &struct{}{}); err == nil {
			result, err = s.reset(ctx)
		}
	case "fault":
		var p faultParams
		if err = read(params, &p); err == nil {
			result, err = s.fault(p)
		}
	case "status":
		if err = read(params, &struct{}{}); err == nil {
			result, err = s.status(ctx)
		}
	default:
		err = sdk.Refuse(sdk.CodeNotFound, "stripe's sandbox has no command %q; it has advance, fault, reset and status", command)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

func invalid(format string, args ...any) *sdk.Error {
	return sdk.Refuse(sdk.CodeInvalidParams, "stripe: "+format, args...)
}

// read reads the params of a command; names that it does not have are refused.
func read(params json.RawMessage, into any) error {
	if len(params) == 0 {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(params)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return invalid("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// reset empties the state: the sandbox is as it was at its first start, its time
// included.
func (s *Sandbox) reset(ctx context.Context) (any, error) {
	s.faults.clear()
	if err := s.seed(ctx, true); err != nil {
		return nil, failed(err)
	}
	s.full.Store(false)
	return map[string]any{"time": s.clock.Now().UTC().Truncate(time.Second)}, nil
}

// fault orders a fault, or takes all away.
func (s *Sandbox) fault(p faultParams) (any, error) {
	if p.Clear {
		if p != (faultParams{Clear: true}) {
			return nil, invalid("clear takes all faults away, and goes with nothing else")
		}
		s.faults.clear()
		return map[string]any{"faults": s.faults.list()}, nil
	}
	if p.Operation != "" && p.Operation != everyOperation && s.mock.Operation(p.Operation) == nil {
		return nil, invalid("%q is no operationId of Stripe's", p.Operation)
	}
	made, err := newFault(p)
	if err == nil {
		err = s.faults.add(made)
	}
	if err != nil {
		return nil, invalid("%v", err)
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
