package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/access"
)

// anyName in a requirement asks for the scope with some name in that place.
const anyName = "*"

// requirement is a scope that an endpoint needs. It is immutable.
type requirement struct {
	// parts are its parts, AnyName where an argument or any name stands.
	parts []string
	// arguments has the name of the argument that stands in each part, or an
	// empty text; it is nil where none does.
	arguments []string
}

// orScope stands between scopes of which an endpoint needs one.
const orScope = " or "

// parseRequirements reads requirements of which one is to be met, such as "runs:read"
// or "runs:write or events:write"; see parseRequirement.
func parseRequirements(text string, arguments []string) ([]requirement, error) {
	var needs []requirement
	for one := range strings.SplitSeq(text, orScope) {
		q, err := parseRequirement(one, arguments)
		if err != nil {
			return nil, err
		}
		needs = append(needs, q)
	}
	return needs, nil
}

// parseRequirement reads a requirement such as "runs:read" or
// "integrations:{integration}:{action}". Each part in braces is one of the
// arguments: one that is never filled would ask for nothing.
func parseRequirement(text string, arguments []string) (requirement, error) {
	q := requirement{parts: strings.Split(text, ":")}
	example := slices.Clone(q.parts)
	for i, part := range q.parts {
		name, isArgument := argumentOf(part)
		if !isArgument && part != anyName {
			continue
		}
		q.parts[i], example[i] = access.AnyName, "x"
		if !isArgument {
			continue
		}
		if name == "" || !slices.Contains(arguments, name) {
			return requirement{}, fmt.Errorf("scope %q: there is no argument %q", text, name)
		}
		if q.arguments == nil {
			q.arguments = make([]string, len(q.parts))
		}
		q.arguments[i] = name
	}
	if _, err := access.ParseScope(strings.Join(example, ":")); err != nil {
		return requirement{}, fmt.Errorf("scope %q: %w", text, err)
	}
	return q, nil
}

// permission fills the requirement in; the result is not to be changed. An
// argument that is empty is not known yet and stands for any name.
func (q requirement) permission(argument func(name string) string) []string {
	if q.arguments == nil {
		return q.parts
	}
	permission := slices.Clone(q.parts)
	for i, name := range q.arguments {
		if name != "" {
			permission[i] = argument(name)
		}
	}
	return permission
}

// String is the requirement as the documentation writes scopes, such as
// integrations:NAME:ACTION.
func (q requirement) String() string { return access.FormFor(q.parts...) }

// argumentOf returns the name in a part such as "{name}" of a path or a scope.
// "{name...}" is all that is left of a path.
func argumentOf(part string) (name string, ok bool) {
	name, opens := strings.CutPrefix(part, "{")
	name, closes := strings.CutSuffix(name, "}")
	return strings.TrimSuffix(name, "..."), opens && closes
}
