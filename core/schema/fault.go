package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/suggest"
)

// maxFaults bounds how many faults a caller has to read.
const maxFaults = 50

// flatten turns the library's error into one fault for each rule that is broken,
// sorted by pointer. Of an anyOf it reports only the branch that was meant: a caller
// who wrote items[0].prise means the branch with items. known are the fields of the
// value itself, for hints. For open see [Schema.OpenFaults].
func flatten(err *jsonschema.ValidationError, known []string, open func(pointer string) bool) []sdk.Fault {
	c := collector{known: known, open: open}
	c.collect(err)
	slices.SortFunc(c.faults, func(a, b sdk.Fault) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
	})
	c.faults = slices.Compact(c.faults) // two parts of a schema may ask for the same
	return c.faults[:min(len(c.faults), maxFaults)]
}

type collector struct {
	known  []string
	open   func(pointer string) bool
	branch int // how many alternatives this part of the schema is inside of
	faults []sdk.Fault
}

// add adds a fault of the value at a location.
func (c *collector) add(location []string, text string) {
	if at := pointer.Join("", location...); !c.open(at) {
		c.faults = append(c.faults, sdk.Fault{Pointer: at, Message: text})
	}
}

// addName adds a fault of a field's name, which does not depend on the field's value.
// But which alternative was meant may depend on it.
func (c *collector) addName(location []string, name, text string) {
	if at := pointer.Join("", child(location, name)...); c.branch == 0 || !c.open(at) {
		c.faults = append(c.faults, sdk.Fault{Pointer: at, Message: text})
	}
}

func (c *collector) collect(err *jsonschema.ValidationError) {
	switch k := err.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if branch := likelyBranch(err); branch != nil {
			c.branch++
			c.collect(branch)
			c.branch--
			return
		}
		c.add(err.InstanceLocation, describeAlternatives(err))
		return
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			c.addName(err.InstanceLocation, name, c.unknownField(err.InstanceLocation, name))
		}
		return
	case *kind.Required:
		for _, name := range k.Missing {
			c.add(child(err.InstanceLocation, name), fmt.Sprintf("%q is required", name))
		}
		return
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			c.add(child(err.InstanceLocation, name), fmt.Sprintf("%q is required where %q is given", name, k.Prop))
		}
		return
	case *kind.PropertyNames: // its causes are about the name, not about a place
		c.addName(err.InstanceLocation, k.Property, fmt.Sprintf("%q is not a name that a field may have here", k.Property))
		return
	}
	if len(err.Causes) == 0 {
		c.add(err.InstanceLocation, describe(err))
		return
	}
	for _, cause := range err.Causes {
		c.collect(cause)
	}
}

func (c *collector) unknownField(location []string, name string) string {
	if len(location) == 0 {
		if near := suggest.Nearest(name, c.known); near != "" {
			return fmt.Sprintf("unknown field %q (did you mean %q?)", name, near)
		}
	}
	return fmt.Sprintf("unknown field %q", name)
}

func child(location []string, name string) []string {
	return append(slices.Clone(location), name)
}

// likelyBranch returns the branch of an anyOf that the caller probably meant: of those
// that take a value of this kind, the one whose faults are deepest, and of these the
// one with the fewest. It is nil if all branches are for something else.
func likelyBranch(err *jsonschema.ValidationError) *jsonschema.ValidationError {
	var best *jsonschema.ValidationError
	var bestDepth, bestCount int
	for _, branch := range err.Causes {
		if len(mismatches(branch, err.InstanceLocation)) > 0 {
			continue
		}
		d, n := extent(branch)
		if best == nil || d > bestDepth || (d == bestDepth && n < bestCount) {
			best, bestDepth, bestCount = branch, d, n
		}
	}
	return best
}

// mismatches returns the faults of a branch that reject the value at location as a
// whole: it has another type, or is none of the listed values.
func mismatches(err *jsonschema.ValidationError, location []string) []*jsonschema.ValidationError {
	if len(err.InstanceLocation) != len(location) {
		return nil
	}
	switch err.ErrorKind.(type) {
	case *kind.Type, *kind.Enum, *kind.Const:
		return []*jsonschema.ValidationError{err}
	case *kind.AnyOf, *kind.OneOf:
		if likelyBranch(err) != nil {
			return nil
		}
	case *kind.PropertyNames: // its causes are about the name
		return nil
	}
	var all []*jsonschema.ValidationError
	for _, cause := range err.Causes {
		all = append(all, mismatches(cause, location)...)
	}
	return all
}

// extent returns how deep in the document the deepest fault is, and how many faults
// there are.
func extent(err *jsonschema.ValidationError) (depth, count int) {
	depth = len(err.InstanceLocation)
	switch k := err.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		return depth + 1, len(k.Properties)
	case *kind.Required:
		return depth + 1, len(k.Missing)
	}
	if len(err.Causes) == 0 {
		return depth, 1
	}
	for _, cause := range err.Causes {
		d, n := extent(cause)
		depth, count = max(depth, d), count+n
	}
	return depth, count
}
