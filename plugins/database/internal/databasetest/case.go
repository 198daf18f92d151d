package databasetest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// Case is one call.
type Case struct {
	// Engines are the names of those that it is for; none is all.
	Engines []string
	// Action and Params are called under Key.
	Key, Action, Params string
	// Want is the result, in any order of members, with numbers as they are written.
	Want string
	// Refused: the call is refused so, and changes nothing.
	Refused *Refusal
}

// Refusal is what a caller learns of a call that was refused.
type Refusal struct {
	Code sdk.Code
	// Pointers are the places in the params, in this order.
	Pointers []string
	// Says is part of the message.
	Says string
	// Condition, Constraint, Columns and Table are what the details say of the database,
	// and are not compared if Condition is empty.
	Condition, Constraint string
	Columns               []string
	// Retryable: the same call may succeed later. Final: it never does, with its key.
	Retryable, Final bool
}

// Check makes calls one after the other.
func (f *Fixture) Check(cases ...Case) {
	f.T.Helper()
	for _, c := range cases {
		if len(c.Engines) > 0 && !slices.Contains(c.Engines, f.Engine.Name) {
			continue
		}
		if c.Refused != nil {
			f.checkRefusal(c, f.Refuse(c.Key, c.Action, c.Params))
			continue
		}
		if got := f.Call(c.Key, c.Action, c.Params); got != "" && !f.same(got, c.Want) {
			f.T.Errorf("%s %s: returned %s, want %s", c.Action, shortened(c.Params), shortened(got), shortened(c.Want))
		}
	}
}

func (f *Fixture) checkRefusal(c Case, got *sdk.Error) {
	f.T.Helper()
	want := c.Refused
	var pointers []string
	for _, fault := range got.Faults {
		pointers = append(pointers, fault.Pointer)
	}
	if got.Code != want.Code || got.Retryable != want.Retryable || got.Final != want.Final || !slices.Equal(pointers, want.Pointers) || !strings.Contains(got.Message, want.Says) {
		f.T.Errorf("%s %s: refused with %s at %q, retryable %t, final %t: %s\nwant %s at %q, retryable %t, final %t: %s", c.Action, shortened(c.Params),
			got.Code, pointers, got.Retryable, got.Final, shortened(got.Message), want.Code, want.Pointers, want.Retryable, want.Final, want.Says)
	}
	if got.Retryable != (got.RetryAfter > 0) {
		f.T.Errorf("%s %s: retryable %t, after %s", c.Action, shortened(c.Params), got.Retryable, got.RetryAfter)
	}
	if want.Condition == "" {
		return
	}
	var details struct {
		Code, Constraint string
		Columns          []string
		Retryable        bool
	}
	if err := json.Unmarshal(got.Details, &details); err != nil {
		f.T.Errorf("%s %s: details %s: %v", c.Action, shortened(c.Params), got.Details, err)
	}
	if details.Code != want.Condition || details.Constraint != want.Constraint || !slices.Equal(details.Columns, want.Columns) || details.Retryable != want.Retryable {
		f.T.Errorf("%s %s: details %s, want code %s, constraint %s, columns %q, retryable %t", c.Action, shortened(c.Params), got.Details,
			want.Condition, want.Constraint, want.Columns, want.Retryable)
	}
}
