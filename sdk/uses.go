package sdk

import (
	"context"
	"encoding/json"
)

// UseChecker is implemented by plugins that can hold what a config asks of them against
// what is there, such as the tables and columns of a live database. It goes with
// Manifest.ChecksUses.
type UseChecker interface {
	// CheckUses returns what of the uses, and of the credentials, does not fit what is
	// there, in any order. It is called of a plugin for which Config.Inspect was set. The
	// error is that of a check that cannot be made, such as *Error with CodeUnavailable
	// where the vendor cannot be reached.
	CheckUses(ctx context.Context, uses []Use) ([]UseFault, error)
}

// Use is one call of an action that a config makes.
type Use struct {
	// Action is the name of the action.
	Action string `json:"action"`
	// Params is a JSON object as the config writes it, placeholders included.
	Params json.RawMessage `json:"params"`
	// Open are JSON Pointers (RFC 6901) to the values in Params that are made from data,
	// of which nothing is known. What holds a placeholder and is not among them is for
	// the plugin itself: see ActionSpec.Inner.
	Open []string `json:"open,omitempty"`
}

// UseFault is what does not fit what is there.
type UseFault struct {
	// Use is the index of the use from 0 on, or OfCredentials.
	Use int `json:"use"`
	// Pointer is a JSON Pointer (RFC 6901) into the params of the use, or into the
	// credentials.
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

// OfCredentials is the Use of a fault of the credentials.
const OfCredentials = -1

// UseCheck is a plugin's ability to hold uses against what is there: see UseChecker.
type UseCheck struct {
	// Do returns what does not fit. It is called from many goroutines at once.
	Do func(ctx context.Context, uses []Use) ([]UseFault, error)
}

func (c UseCheck) join(p *integration) {
	switch {
	case p.uses != nil:
		p.fault("a plugin checks uses in one way, and these are two")
	case c.Do == nil:
		p.fault("the check of uses has no Do")
	default:
		p.uses = c.Do
	}
}

// CheckUses asks the part UseCheck; without one there is nothing to check against.
func (p *integration) CheckUses(ctx context.Context, uses []Use) ([]UseFault, error) {
	if p.uses == nil {
		return nil, notImplemented("CheckUses")
	}
	return p.uses(ctx, uses)
}
