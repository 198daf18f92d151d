package webhook

import (
	"slices"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/template"
)

// filterRoots are the roots of a filter that is a condition.
var filterRoots = []string{"payload", "event", "headers", "query"}

// Filter decides whether an event is to run at all. It is immutable. Nil lets every
// event through.
type Filter struct {
	types     []string
	condition *condition.Condition
}

// FilterTypes returns the filter that lets through events of the types that match one
// of the patterns, in which * is any text, also none.
func FilterTypes(patterns []string) *Filter { return &Filter{types: slices.Clone(patterns)} }

// FilterCondition returns the filter that lets through events for which a condition
// holds, over payload, event, headers and query. The error is template.Faults.
func FilterCondition(source string) (*Filter, error) {
	c, err := condition.Compile(source, template.Options{Roots: filterRoots})
	if err != nil {
		return nil, err
	}
	return &Filter{condition: c}, nil
}

// MayPass reports whether an event of a type could be one that is to run.
func (f *Filter) MayPass(kind string) bool {
	return f == nil || f.condition != nil || slices.ContainsFunc(f.types, func(pattern string) bool { return event.MatchesType(pattern, kind) })
}

// Refs are the paths that a condition reads.
func (f *Filter) Refs() []template.Ref {
	if f == nil || f.condition == nil {
		return nil
	}
	return f.condition.Refs()
}

// passes reports whether an event is to run. An error says why that cannot be told.
func (f *Filter) passes(kind string, roots template.Docs) (bool, error) {
	if f != nil && f.condition != nil {
		return f.condition.Eval(roots)
	}
	return f.MayPass(kind), nil
}
