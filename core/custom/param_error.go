package custom

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// paramError is the error of params from which no request can be made. It holds none
// of their values.
type paramError struct {
	// param is the one at fault, empty if not one alone is.
	param  string
	reason string
}

// Error returns the param and the reason.
func (r *paramError) Error() string {
	if r.param == "" {
		return r.reason
	}
	return r.param + " " + r.reason
}

// renderError makes a paramError of the error of a template that reads refs.
func renderError(refs []template.Ref, err error) *paramError {
	var missing *template.MissingError
	if !errors.As(err, &missing) {
		return &paramError{reason: err.Error()}
	}
	for _, ref := range refs {
		if ref.Pointer == missing.Pointer && ref.String() == missing.Path {
			return missingError(paramName(ref), err)
		}
	}
	return &paramError{reason: missing.Error()}
}

// missingError makes the paramError of a path in a param that leads nowhere.
func missingError(param string, err error) *paramError {
	var missing *template.MissingError
	if !errors.As(err, &missing) {
		return &paramError{param, err.Error()}
	}
	return &paramError{param, fmt.Sprintf("is missing: %s", missing.Reason)}
}

// invalid is the error of a call whose request cannot be made.
func invalid(action string, err error) *sdk.Error {
	e := &sdk.Error{Code: sdk.CodeInvalidParams, Message: action + ": " + err.Error(), Outcome: sdk.OutcomeNotExecuted}
	var wrong *paramError
	if errors.As(err, &wrong) && wrong.param != "" {
		e.Faults = []sdk.Fault{{Pointer: pointer.Join("", wrong.param), Message: wrong.reason}}
	}
	return e
}
