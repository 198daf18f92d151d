package gateway

import (
	"fmt"
	"slices"
	"strings"
)

// wildcard stands for any one segment of a scope; as the last one, for all
// that follow too.
const wildcard = "*"

// some in a permission asks for the permission with some name in that place. It
// is no name that a path can hold.
const some = ""

// Scope is a permission of a token. Make it with ParseScope; the zero Scope
// grants nothing.
type Scope struct {
	segments []string
}

// ParseScope reads a scope:
//
//	integrations:NAME:ACTION
//	workflows:ID:run  workflows:ID:read
//	runs:read         runs:write
//	events:read       events:write
//	admin             everything, as does "*"
//
// "*" stands for any one segment, as the last one for the rest: "integrations:*"
// is "integrations:*:*". The error says what is wrong with the scope.
func ParseScope(s string) (Scope, error) {
	segments := strings.Split(s, ":")
	for _, segment := range segments {
		if segment != wildcard && !isScopeName(segment) {
			return Scope{}, fmt.Errorf("scope %q: each part between colons is a name of letters, digits, '-', '_' and '.', or *", s)
		}
	}
	if err := checkScope(segments); err != nil {
		return Scope{}, fmt.Errorf("scope %q: %w", s, err)
	}
	return Scope{segments}, nil
}

// String is the scope as ParseScope reads it.
func (s Scope) String() string { return strings.Join(s.segments, ":") }

// Grants reports whether the scope covers the permission, which is given as its
// segments, of which some may be some.
func (s Scope) Grants(permission ...string) bool {
	if len(s.segments) == 1 && (s.segments[0] == wildcard || s.segments[0] == "admin") {
		return true
	}
	for i, segment := range s.segments {
		if i == len(permission) {
			return false
		}
		if segment == wildcard {
			if i == len(s.segments)-1 {
				return true
			}
			continue
		}
		if segment != permission[i] && permission[i] != some {
			return false
		}
	}
	return len(s.segments) == len(permission) && len(permission) > 0
}

// scopeFor is the narrowest scope that grants the permission.
func scopeFor(permission []string) Scope {
	segments := slices.Clone(permission)
	for i := range segments {
		if segments[i] == some {
			segments[i] = wildcard
		}
	}
	return Scope{segments}
}

func checkScope(segments []string) error {
	kind, rest := segments[0], segments[1:]
	if kind == wildcard || kind == "admin" {
		return checkLength(rest, 0, kind)
	}
	var verbs []string
	length := 1
	switch kind {
	case "integrations":
		length = 2
	case "workflows":
		length, verbs = 2, []string{"run", "read"}
	case "runs", "events":
		verbs = []string{"read", "write"}
	case "routes":
		return fmt.Errorf("there are no routes to grant in this version")
	default:
		return fmt.Errorf("unknown kind %q, known are integrations, workflows, runs, events, admin and *", kind)
	}
	if len(rest) > 0 && len(rest) < length && rest[len(rest)-1] == wildcard {
		return nil
	}
	if err := checkLength(rest, length, kind); err != nil {
		return err
	}
	if verb := rest[length-1]; verbs != nil && verb != wildcard && !slices.Contains(verbs, verb) {
		return fmt.Errorf("unknown permission %q, known are %s and *", verb, strings.Join(verbs, ", "))
	}
	return nil
}

func checkLength(rest []string, want int, kind string) error {
	if len(rest) != want {
		return fmt.Errorf("%s is followed by %d parts, not %d", kind, want, len(rest))
	}
	return nil
}

func isScopeName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return s != ""
}
