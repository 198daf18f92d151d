package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/access"
)

// anyName in a requirement asks for the scope with some name in that place.
const anyName = "*"

// requirement is the scope that an endpoint needs, in its parts. A part in
// braces stands for the argument of that name; anyName is satisfied by a scope
// for any name.
type requirement []string

// parseRequirement reads a requirement such as "runs:read" or
// "integrations:{integration}:{action}". Each part in braces is one of the
// arguments: one that is never filled would ask for nothing.
func parseRequirement(text string, arguments []string) (requirement, error) {
	parts := strings.Split(text, ":")
	example := slices.Clone(parts)
	for i, part := range parts {
		name, isArgument := argumentOf(part)
		if isArgument && !slices.Contains(arguments, name) {
			return nil, fmt.Errorf("scope %q: there is no argument %q", text, name)
		}
		if isArgument || part == anyName {
			example[i] = "x"
		}
	}
	if _, err := access.ParseScope(strings.Join(example, ":")); err != nil {
		return nil, fmt.Errorf("scope %q: %w", text, err)
	}
	return parts, nil
}

// permission fills the requirement in. An argument that is empty is not known
// yet and stands for any name.
func (q requirement) permission(argument func(name string) string) []string {
	permission := slices.Clone(q)
	for i, part := range permission {
		if name, ok := argumentOf(part); ok {
			permission[i] = argument(name)
		} else if part == anyName {
			permission[i] = access.AnyName
		}
	}
	return permission
}

// String is the requirement as the documentation writes scopes, such as
// integrations:NAME:ACTION.
func (q requirement) String() string {
	return anyOf(q.permission(func(string) string { return access.AnyName }))
}

// argumentOf returns the name in a part such as "{name}" of a path or a scope.
// "{name...}" is all that is left of a path.
func argumentOf(part string) (name string, ok bool) {
	name, opens := strings.CutPrefix(part, "{")
	name, closes := strings.CutSuffix(name, "}")
	return strings.TrimSuffix(name, "..."), opens && closes
}
