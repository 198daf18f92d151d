package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/backflow/backflow/sdk/internal/shape"
)

// Action is an action whose params and result are Go types: In and Out are
// structs, whose JSON Schema the manifest publishes and whose JSON is read and
// written for Do. It is a Part of a plugin that New makes.
//
//	type greetParams struct {
//		Name string `json:"name" minLength:"1" examples:"Ada"`
//	}
//
// Fields are named as encoding/json names them. A field is required unless it is
// a pointer or has omitempty, omitzero or a default. Names that the struct does
// not have are refused. Tags become keywords of the schema: description, enum and
// examples (both with commas between the values), default, minimum, maximum,
// exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, pattern,
// format, minItems, maxItems, and secret:"true". On a slice or a map they are about
// its elements, except for minItems and maxItems. A field without a description
// has its doc comment, if sdk/cmd/typedoc has written that down.
//
// These types are read and written, all of them exactly except for floats:
//
//   - integers of any size as numbers, and json.Number, which keeps its digits
//   - time.Time as RFC 3339, time.Duration as "1m30s", []byte as base64
//   - structs, pointers, slices, and maps with strings as keys, of such types
//   - json.RawMessage as what it is, which is the way to say "anything"
//   - types with MarshalText and UnmarshalText as strings
//   - types with MarshalJSON and UnmarshalJSON, if JSONSchema() json.RawMessage
//     says what they look like
//
// An In of json.RawMessage takes any object. An Out of json.RawMessage is any JSON;
// an Out of Result has any content type.
type Action[In, Out any] struct {
	// Name is camelCase and unique within the plugin.
	Name string
	// Description is one sentence for people.
	Description string
	// HTTP binds the action to a method and a path: GET, POST, PUT, PATCH or
	// DELETE of this package. Nil: it is only reachable by its name.
	HTTP *HTTPBinding
	// Writes is false for an action that changes nothing anywhere.
	Writes bool
	// Repeat says what a second call with the same idempotency key does; an
	// action that writes has to say it.
	Repeat Repeat
	// KeyLifetime is how long a key is honoured; zero means forever.
	KeyLifetime time.Duration
	// Permissions are the rights that a call needs; see ActionSpec.Permissions.
	Permissions []string
	// Variants say which calls are treated otherwise; see Variant.
	Variants []Variant
	// ByName: only a scope that names the action grants it.
	ByName bool
	// Inner names the param that is a list of calls; see ActionSpec.Inner.
	Inner string
	// Tables names the param that is the table; see ActionSpec.Tables.
	Tables string
	// Sensitive names members of the result that are hidden in runs; see
	// ActionSpec.Sensitive.
	Sensitive []string
	// Examples are params that work. The test kits call the action with them.
	Examples []In
	// ExampleResults are the results of the first Examples, in their order.
	ExampleResults []Out
	// ParamsSchema and ResultSchema are JSON Schemas (2020-12) that come from
	// elsewhere, such as from a vendor's description of its API. They are
	// published byte for byte in place of the schemas of In and Out, which are
	// then json.RawMessage or have room for all that the schema allows. Empty:
	// the schemas of the types.
	ParamsSchema, ResultSchema json.RawMessage
	// Do runs the action. It is called from many goroutines at once. The context
	// carries the deadline; CallFrom returns the call's idempotency key, Logger its
	// logger. An *Error says what is known of a failure; Refuse and Fail make one.
	Do func(ctx context.Context, in In) (Out, error)
}

func (a Action[In, Out]) join(p *integration) {
	if _, twice := p.actions[a.Name]; twice {
		p.fault("action %q is there twice", a.Name)
		return
	}
	r := &typed[In, Out]{Action: a}
	r.shapes = sync.OnceValue(r.readTypes)
	p.actions[a.Name] = r
	p.order = append(p.order, r)
}

// typed is an Action that is part of a plugin.
type typed[In, Out any] struct {
	Action[In, Out]
	// shapes are read off the types at the first call or manifest: a guest
	// that starts does without.
	shapes func() shapes
}

// shapes of params and result; out is nil where the result is a Result.
type shapes struct {
	in, out *shape.Shape
	err     error
}

func (a *typed[In, Out]) readTypes() (s shapes) {
	var errIn, errOut error
	s.in, errIn = shape.Of(reflect.TypeFor[In]())
	if errIn == nil && !s.in.IsObject() {
		errIn = fmt.Errorf("params are an object, and %s is none", reflect.TypeFor[In]())
	}
	if reflect.TypeFor[Out]() != reflect.TypeFor[Result]() {
		s.out, errOut = shape.Of(reflect.TypeFor[Out]())
	}
	if a.Do == nil {
		errOut = errors.Join(errOut, errors.New("it has no Do"))
	}
	s.err = errors.Join(errIn, errOut)
	return s
}

// spec returns what the manifest says of the action.
func (a *typed[In, Out]) spec() (ActionSpec, error) {
	spec := ActionSpec{
		Name: a.Name, Description: a.Description, HTTP: a.HTTP,
		Writes: a.Writes, Repeat: a.Repeat, KeyLifetime: a.KeyLifetime, Sensitive: a.Sensitive,
		Permissions: a.Permissions, Variants: a.Variants, ByName: a.ByName, Inner: a.Inner, Tables: a.Tables,
	}
	s := a.shapes()
	if s.err != nil {
		return spec, s.err
	}
	var errIn, errOut error
	if spec.Params = a.ParamsSchema; len(spec.Params) == 0 {
		spec.Params, errIn = s.in.Schema(shape.Input)
	}
	if spec.Result = a.ResultSchema; len(spec.Result) == 0 && s.out != nil && s.out.Known() {
		spec.Result, errOut = s.out.Schema(shape.Output)
	}
	errs := []error{errIn, errOut}
	if len(a.ExampleResults) > len(a.Examples) {
		errs = append(errs, fmt.Errorf("it has %d examples, and %d results of them", len(a.Examples), len(a.ExampleResults)))
	}
	for i := range a.Examples {
		example, err := a.example(s, i)
		if err != nil {
			errs = append(errs, fmt.Errorf("example %d: %w", i, err))
		}
		spec.Examples = append(spec.Examples, example)
	}
	return spec, errors.Join(errs...)
}

// example writes the example with index i, and its result if there is one.
func (a *typed[In, Out]) example(s shapes, i int) (example Example, err error) {
	example.Params, err = s.in.AppendInput(nil, reflect.ValueOf(&a.Examples[i]).Elem())
	if err != nil || i >= len(a.ExampleResults) {
		return example, err
	}
	result, err := s.result(reflect.ValueOf(&a.ExampleResults[i]).Elem())
	example.Result = result.Body
	return example, err
}

// result writes what an action returned.
func (s shapes) result(out reflect.Value) (Result, error) {
	if s.out == nil {
		result, _ := out.Interface().(Result) // nothing else has no shape
		return result, nil
	}
	body, err := s.out.Append(nil, out)
	return Result{Body: body}, err
}

// run reads the params, does it, and writes the result.
func (a *typed[In, Out]) run(ctx context.Context, call *Call) (Result, error) {
	s := a.shapes()
	if s.err != nil {
		return Result{}, Refuse(CodeInternal, "%v", s.err)
	}
	var in In
	if err := s.in.Decode(call.Params, reflect.ValueOf(&in).Elem()); err != nil {
		return Result{}, invalidParams(err)
	}
	out, err := a.Do(callOf{ctx, call}, in)
	if err != nil {
		return Result{}, err
	}
	result, err := s.result(reflect.ValueOf(&out).Elem())
	if err != nil {
		return Result{}, Executed(CodeInternal, "the result of %s: %v", a.Name, err)
	}
	return result, nil
}

// invalidParams returns the error of params that are not of their type. The
// gateway has checked them against the schema, so that it is rare: a number that
// the Go type has no room for.
func invalidParams(err error) *Error {
	e := Refuse(CodeInvalidParams, "params: %v", err)
	var m *shape.Mismatch
	if errors.As(err, &m) {
		e.Faults = []Fault{{Pointer: m.Pointer, Message: m.Reason}}
	}
	return e
}

// callOf is a context that knows its call.
type callOf struct {
	context.Context
	call *Call
}

type callKey struct{}

// Value returns the call, and what the context around it knows.
func (c callOf) Value(key any) any {
	if key == (callKey{}) {
		return c.call
	}
	return c.Context.Value(key)
}

// CallFrom returns the call that an Action is done for: its idempotency key, its
// request id, its params as they came. Outside of an Action it is empty.
func CallFrom(ctx context.Context) Call {
	if call, ok := ctx.Value(callKey{}).(*Call); ok {
		return *call
	}
	return Call{}
}

// GET binds an action that is asked for; path is such as "/things/:thingId".
func GET(path string) *HTTPBinding { return &HTTPBinding{Method: "GET", Path: path} }

// POST binds an action to a path: see GET.
func POST(path string) *HTTPBinding { return &HTTPBinding{Method: "POST", Path: path} }

// PUT binds an action to a path: see GET.
func PUT(path string) *HTTPBinding { return &HTTPBinding{Method: "PUT", Path: path} }

// PATCH binds an action to a path: see GET.
func PATCH(path string) *HTTPBinding { return &HTTPBinding{Method: "PATCH", Path: path} }

// DELETE binds an action to a path: see GET.
func DELETE(path string) *HTTPBinding { return &HTTPBinding{Method: "DELETE", Path: path} }

// WithQuery has the names of the query gathered in a param, but for the reserved ones;
// see HTTPBinding.Query. It changes b and returns it.
func (b *HTTPBinding) WithQuery(param string, reserved ...string) *HTTPBinding {
	b.Query, b.Reserved = param, reserved
	return b
}

// WithBody has the whole body become a param; see HTTPBinding.Body. It changes b and
// returns it.
func (b *HTTPBinding) WithBody(param string) *HTTPBinding {
	b.Body = param
	return b
}
