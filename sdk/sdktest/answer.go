package sdktest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/internal/shape"
)

// Answer is the result of a call, or its error.
type Answer struct {
	t      testing.TB
	action string
	result sdk.Result
	err    *sdk.Error
	log    logs
}

// Result returns the result as it came. The test fails where there is an error.
func (a *Answer) Result() sdk.Result {
	a.t.Helper()
	if a.err != nil {
		a.t.Fatalf("%s: %v", a.action, a.err)
	}
	return a.result
}

// Is fails the test unless the result is want: a value of the action's type, or
// JSON as a string. Names may be in any order, numbers are compared as written.
func (a *Answer) Is(want any) *Answer {
	a.t.Helper()
	raw, err := encode(want, (*shape.Shape).Append)
	if err != nil {
		a.t.Fatalf("%s: what is wanted: %v", a.action, err)
	}
	got := a.Result().Body
	if !sameJSON(got, raw) {
		a.t.Errorf("%s: got %s, want %s", a.action, got, raw)
	}
	return a
}

// Into reads the result into the value that v points to.
func (a *Answer) Into(v any) *Answer {
	a.t.Helper()
	body := a.Result().Body
	target := reflect.ValueOf(v).Elem()
	s, err := shape.Of(target.Type())
	if err == nil {
		target.SetZero()
		err = s.Decode(body, target)
	}
	if err == nil {
		return a
	}
	// The type of v is not an action's, or has only some of the fields.
	if err := json.Unmarshal(body, v); err != nil {
		a.t.Fatalf("%s: the result %s: %v", a.action, body, err)
	}
	return a
}

// Fails fails the test unless the call failed with that code, and returns
// the error.
func (a *Answer) Fails(code sdk.Code) *sdk.Error {
	a.t.Helper()
	switch {
	case a.err == nil:
		a.t.Fatalf("%s: got %s, want the error %s", a.action, a.result.Body, code)
	case a.err.Code != code:
		a.t.Fatalf("%s: got %v, want the error %s", a.action, a.err, code)
	}
	return a.err
}

// Logs fails the test unless the action has logged the text.
func (a *Answer) Logs(text string) *Answer {
	a.t.Helper()
	if log := a.log.String(); !strings.Contains(log, text) {
		a.t.Errorf("%s: the log has no %q:\n%s", a.action, text, log)
	}
	return a
}

// Log returns what the action has logged, a line for each record.
func (a *Answer) Log() string { return a.log.String() }
