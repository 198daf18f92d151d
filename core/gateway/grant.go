package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/value"
)

// grantedCall is a call that its caller may make with these params. Only grant makes
// one, so that no way to call an action with params of a caller's own goes around it.
type grantedCall struct {
	action *action.Action
	params value.Doc
}

// grant returns the call if one of the caller's scopes covers the action and each call
// among its params, and all of them stay within the tables that the caller is bound to.
// What the refusal says of params has its pointer. Params whose calls cannot be told are
// an error too.
func (c *caller) grant(a *action.Action, params value.Doc) (grantedCall, error) {
	if err := c.authorizeCall(a); err != nil {
		return grantedCall{}, err
	}
	calls, err := a.CheckInner(params)
	if err != nil {
		return grantedCall{}, err
	}
	if err := c.authorizeInner(calls); err != nil {
		return grantedCall{}, err
	}
	if err := c.authorizeTables(a, params, calls); err != nil {
		return grantedCall{}, err
	}
	return grantedCall{a, params}, nil
}

// authorizeInner returns a 403 unless one of the caller's scopes covers each of the calls.
func (c *caller) authorizeInner(calls []action.InnerCall) error {
	var refused *apiError
	for _, call := range calls {
		refusal := c.refuseCall(call.Action)
		if refusal == nil {
			continue
		}
		fault := sdk.Fault{Pointer: call.Pointer, Message: refusal.detail}
		if refused == nil {
			refused = refusal
			refused.detail = fmt.Sprintf("%s is a call of %s: %s", call.Pointer, call.Action.Spec().Name, refusal.detail)
		}
		if len(refused.faults) < maxShownFaults {
			refused.faults = append(refused.faults, fault)
		}
	}
	if refused == nil {
		return nil
	}
	return refused
}

// maxShownFaults is how many of the calls that a caller may not make are shown.
const maxShownFaults = 50

// authorizeTables returns a 403 for a caller who is bound to some tables and calls for
// another, or a 422 where the params are wrong.
func (c *caller) authorizeTables(a *action.Action, params value.Doc, calls []action.InnerCall) error {
	if c.tables == nil {
		return nil
	}
	refusal := c.refuseTable(&a.Descriptor, "", params.Value())
	for _, call := range calls {
		if refusal == nil {
			refusal = c.refuseTable(call.Action, pointer.Join(call.Pointer, "params"), call.Params)
		}
	}
	if refusal == nil {
		return nil
	}
	// A call that is wrong anyway, such as one without a table, is refused for that.
	if err := a.Check(params); err != nil {
		return err
	}
	return refusal
}

// refuseTable returns the 403 of one call, whose params stand at a pointer, nil where it
// touches no table but the caller's.
func (c *caller) refuseTable(d *action.Descriptor, at string, params any) *apiError {
	param := d.Spec().Tables
	if param == "" {
		return nil
	}
	if param == sdk.AnyTable {
		return c.outsideTables(at, fmt.Sprintf("%s may touch any", d.Spec().Name))
	}
	members, _ := params.(map[string]any)
	table, ok := members[param].(string)
	switch at = pointer.Join(at, param); {
	case !ok:
		return c.outsideTables(at, fmt.Sprintf("%q names none", param))
	case !slices.Contains(c.tables, table):
		return c.outsideTables(at, fmt.Sprintf("%q is another", table))
	}
	return nil
}

// outsideTables is the 403 of a call that touches a table that it may not.
func (c *caller) outsideTables(at, why string) *apiError {
	detail := fmt.Sprintf("the token %s may touch the tables %s alone, and %s", c.name, strings.Join(c.tables, ", "), why)
	refusal := &apiError{code: sdk.CodeForbidden, detail: detail}
	if at != "" {
		refusal.faults = []sdk.Fault{{Pointer: at, Message: detail}}
	}
	return refusal
}
