package action

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/results"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// InnerCall is one of the calls that the params of an action hold; see
// sdk.ActionSpec.Inner.
type InnerCall struct {
	// Action is what it calls. It has no inner calls itself.
	Action *Descriptor
	// Index is its place among the calls, Pointer that in the params, such as
	// "/operations/1".
	Index   int
	Pointer string
	// Params are a value of package value, nil where there are none.
	Params any
}

// siblings are the actions of an integration, for those with inner calls.
type siblings struct {
	names []string // sorted
	find  func(name string) (*Action, error)
}

// Inner returns the calls that params hold, a value of package value, in their order,
// and what is wrong with those that are not calls: the list is not a list, or an item is no
// object, or its action is none of the integration or has inner calls itself. Open says
// which values are still placeholders, of which nothing is known; nil means that there are no placeholders.
// What is called must be written out.
func (d *Descriptor) Inner(params any, open func(pointer string) bool) (calls []InnerCall, faults []schema.Fault) {
	if d.spec.Inner == "" {
		return nil, nil
	}
	members, _ := params.(map[string]any)
	given, there := members[d.spec.Inner]
	if !there {
		return nil, nil // where they are required, the schema says so
	}
	at := pointer.Join("", d.spec.Inner)
	fault := func(at, message, hint string) {
		faults = append(faults, schema.Fault{Pointer: at, Message: message, Hint: hint})
	}
	made := func(at string) bool {
		if open != nil && open(at) {
			fault(at, writtenOut, "write the list with the action of each; values in params may be placeholders")
			return true
		}
		return false
	}
	if made(at) {
		return nil, faults
	}
	list, ok := given.([]any)
	if !ok {
		fault(at, fmt.Sprintf("must be an array, not %s", value.KindOf(given)), "")
		return nil, faults
	}
	for i, item := range list {
		if len(faults) >= maxFaults {
			break
		}
		at := pointer.Join(at, strconv.Itoa(i))
		if made(at) {
			continue
		}
		call, ok := item.(map[string]any)
		if !ok {
			fault(at, fmt.Sprintf("must be an object, not %s", value.KindOf(item)), `as in { "action": "…", "params": {} }`)
			continue
		}
		if name := pointer.Join(at, "action"); !made(name) {
			if found, problem := d.innerAction(call["action"]); problem != "" {
				fault(name, problem, "")
			} else {
				calls = append(calls, InnerCall{Action: found, Index: i, Pointer: at, Params: call["params"]})
			}
		}
	}
	return calls, faults
}

// writtenOut says of the list of calls, of one, or of its action that it is no placeholder.
const writtenOut = "what is called is written out, and never made from data"

// innerAction finds the action of an inner call, or returns why there is no such action.
func (d *Descriptor) innerAction(given any) (found *Descriptor, problem string) {
	name, ok := given.(string)
	if !ok {
		return nil, fmt.Sprintf("must be the name of an action, not %s", value.KindOf(given))
	}
	if !slices.Contains(d.siblings.names, name) {
		others := slices.DeleteFunc(slices.Clone(d.siblings.names), func(other string) bool { return other == d.spec.Name })
		return nil, refuse(sdk.CodeUnknownAction, suggest.Hint(name, others), "integration %q has no action %q", d.integration, name).Message
	}
	a, err := d.siblings.find(name)
	switch {
	case err != nil:
		return nil, err.Error()
	case a.spec.Inner != "":
		return nil, fmt.Sprintf("%s cannot be called within %s: it has calls of its own", name, d.spec.Name)
	}
	return &a.Descriptor, ""
}

// innerFaults returns what is wrong with the inner calls and with their params. What
// stands for the result of an earlier call has no value yet.
func (d *Descriptor) innerFaults(params any, open func(pointer string) bool) []schema.Fault {
	calls, faults := d.Inner(params, open)
	for _, call := range calls {
		at := pointer.Join(call.Pointer, "params")
		taken, wrong := references(call, at)
		faults = append(faults, wrong...)
		inner := call.Params
		if inner == nil {
			inner = map[string]any{}
		}
		for _, f := range call.Action.params.OpenFaults(inner, below(at, either(taken, open))) {
			f.Pointer = at + f.Pointer
			faults = append(faults, f)
		}
	}
	return faults
}

// references returns which pointers in the params of a call, which stand at a pointer,
// hold what is taken from the results of earlier calls, and what is wrong with these.
func references(call InnerCall, at string) (taken func(pointer string) bool, faults []schema.Fault) {
	places := make(map[string]bool)
	table := call.Action.spec.Tables
	results.Walk(call.Params, at, func(place string, ref results.Reference, err error) {
		places[place] = true
		message := ""
		switch {
		case err != nil:
			message = err.Error()
		case ref.Index >= call.Index:
			message = fmt.Sprintf("%s: only the results of earlier calls can be read, and this is call %d", ref, call.Index)
		case place == at:
			message = "params are written out, and not taken from a result: values in them may be"
		case table != "" && place == pointer.Join(at, table):
			message = "a table is written out, and not taken from a result"
		}
		if message != "" {
			faults = append(faults, schema.Fault{Pointer: place, Message: message})
		}
	})
	return within(places), faults
}

// within reports for a pointer whether it is one of the places, or below one.
func within(places map[string]bool) func(pointer string) bool {
	return func(at string) bool {
		for !places[at] {
			end := strings.LastIndexByte(at, '/')
			if end < 0 {
				return false
			}
			at = at[:end]
		}
		return true
	}
}

// below returns open for pointers that begin at a place.
func below(at string, open func(pointer string) bool) func(pointer string) bool {
	return func(pointer string) bool { return open(at + pointer) }
}

// either reports what one of both does; nil reports nothing.
func either(a, b func(pointer string) bool) func(pointer string) bool {
	return func(pointer string) bool { return a(pointer) || b != nil && b(pointer) }
}

// faults returns every place in which params do not meet the schema of the action, nor
// those of its inner calls, sorted by pointer. Open is as for Faults.
func (d *Descriptor) faults(params any, open func(pointer string) bool) []schema.Fault {
	if d.spec.Inner == "" {
		return d.params.OpenFaults(params, open)
	}
	places := make(map[string]bool)
	if members, ok := params.(map[string]any); ok {
		results.Walk(members[d.spec.Inner], pointer.Join("", d.spec.Inner), func(place string, _ results.Reference, _ error) { places[place] = true })
	}
	faults := d.params.OpenFaults(params, either(within(places), open))
	told := make(map[string]bool, len(faults))
	for _, f := range faults {
		told[f.Pointer] = true
	}
	for _, f := range d.innerFaults(params, open) {
		if !told[f.Pointer] {
			faults = append(faults, f)
		}
	}
	slices.SortStableFunc(faults, func(a, b schema.Fault) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return faults[:min(len(faults), maxFaults)]
}

// maxFaults is how many faults of params with inner calls are shown.
const maxFaults = 50

// CheckInner returns the calls that params hold, for a caller who must be allowed each of
// them. The error is *sdk.Error with CodeInvalidParams, where one of them cannot be told.
func (d *Descriptor) CheckInner(params value.Doc) ([]InnerCall, error) {
	if d.spec.Inner == "" {
		return nil, nil
	}
	calls, faults := d.Inner(params.Value(), nil)
	if len(faults) > 0 {
		return nil, d.invalid(faults)
	}
	return calls, nil
}

// invalid is the error of params with faults.
func (d *Descriptor) invalid(faults []schema.Fault) *sdk.Error {
	told := make([]sdk.Fault, len(faults))
	for i, f := range faults {
		told[i] = sdk.Fault{Pointer: f.Pointer, Message: f.Message}
	}
	return &sdk.Error{
		Code:    sdk.CodeInvalidParams,
		Message: fmt.Sprintf("%s.%s: %s", d.integration, d.spec.Name, summary(told)),
		Outcome: sdk.OutcomeNotExecuted,
		Faults:  told,
	}
}
