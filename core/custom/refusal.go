package custom

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// refusal is the error of params of which no request can be made. It holds no
// value of theirs.
type refusal struct {
	// param is the one at fault, empty where it is none alone.
	param  string
	reason string
}

// Error answers the param and the reason.
func (r *refusal) Error() string {
	if r.param == "" {
		return r.reason
	}
	return r.param + " " + r.reason
}

// refuseRendering makes a refusal of the error of a template with the paths
// that it reads.
func refuseRendering(refs []template.Ref, err error) *refusal {
	var missing *template.MissingError
	if !errors.As(err, &missing) {
		return &refusal{reason: err.Error()}
	}
	for _, ref := range refs {
		if ref.Pointer == missing.Pointer && ref.String() == missing.Path {
			return refuseMissing(paramName(ref), err)
		}
	}
	return &refusal{reason: missing.Error()}
}

// refuseMissing makes a refusal of a param that leads nowhere.
func refuseMissing(param string, err error) *refusal {
	var missing *template.MissingError
	if !errors.As(err, &missing) {
		return &refusal{param, err.Error()}
	}
	return &refusal{param, fmt.Sprintf("is missing: %s", missing.Reason)}
}

// invalid is the error of an action whose request cannot be made.
func invalid(action string, err error) *sdk.Error {
	e := &sdk.Error{Code: sdk.CodeInvalidParams, Message: action + ": " + err.Error(), Outcome: sdk.OutcomeNotExecuted}
	var refused *refusal
	if errors.As(err, &refused) && refused.param != "" {
		e.Faults = []sdk.Fault{{Pointer: pointer.Join("", refused.param), Message: refused.reason}}
	}
	return e
}

// faultsOf puts the faults of a template behind a pointer.
func faultsOf(err error, pointer string) template.Faults {
	var faults template.Faults
	if !errors.As(err, &faults) {
		return template.Faults{{Pointer: pointer, Message: err.Error()}}
	}
	for i := range faults {
		faults[i].Pointer = pointer + faults[i].Pointer
	}
	return faults
}
