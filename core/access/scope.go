package access

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/core/excerpt"
	"github.com/backflow/backflow/sdk/suggest"
)

// wildcard stands for any one segment of a scope; as the last one, for all
// that follow too.
const wildcard = "*"

// admin is the scope of everything.
const admin = "admin"

// AnyName in a permission asks for a scope with any name in that place. A path can
// hold no such name.
const AnyName = ""

// Scope is a permission of a token. Make it with ParseScope; the zero Scope
// grants nothing.
type Scope struct {
	segments []string
}

// kinds says what each part of a scope after the first may be; nil is any name.
// The wildcard stands for any of them.
var kinds = []struct {
	name string
	rest [][]string
	form string
}{
	{"integrations", [][]string{nil, nil}, "integrations:NAME:ACTION"},
	{"workflows", [][]string{nil, {"run", "read"}}, "workflows:ID:run or workflows:ID:read"},
	{"runs", [][]string{{"read", "write"}}, "runs:read or runs:write"},
	{"events", [][]string{{"read", "write"}}, "events:read or events:write"},
	{"metrics", [][]string{{"read"}}, "metrics:read"},
	{admin, nil, admin},
}

// namePattern is a name that a scope may hold.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// ParseScope reads a scope:
//
//	integrations:NAME:ACTION
//	workflows:ID:run  workflows:ID:read
//	runs:read         runs:write
//	events:read       events:write
//	metrics:read
//	admin             everything, as does "*"
//
// "*" stands for any one segment, as the last one for the rest: "integrations:*"
// is "integrations:*:*". The error is a *SyntaxError.
func ParseScope(s string) (Scope, error) {
	segments := strings.Split(s, ":")
	if s == wildcard {
		return Scope{segments}, nil
	}
	if segments[0] == "routes" {
		return Scope{}, &SyntaxError{Message: "scopes of routes are not supported by this version", Hint: "leave it out"}
	}
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		if kind.name == segments[0] {
			if !fits(segments[1:], kind.rest) {
				return Scope{}, notAScope(s, "write "+kind.form+"; * stands for any part, or for the rest")
			}
			return Scope{segments}, nil
		}
		names[i] = kind.name
	}
	return Scope{}, notAScope(s, suggest.Hint(segments[0], names))
}

// fits reports whether the parts behind the kind of a scope are what they may
// be.
func fits(parts []string, allowed [][]string) bool {
	rest := len(parts) > 0 && len(parts) < len(allowed) && parts[len(parts)-1] == wildcard
	if len(parts) != len(allowed) && !rest {
		return false
	}
	for i, part := range parts {
		if part == wildcard {
			continue
		}
		if !namePattern.MatchString(part) || allowed[i] != nil && !slices.Contains(allowed[i], part) {
			return false
		}
	}
	return true
}

func notAScope(s, hint string) *SyntaxError {
	const most = 80 // keeps a message readable whatever the text is
	return &SyntaxError{Message: strconv.Quote(excerpt.Runes(s, most)) + " is not a scope", Hint: hint}
}

// String is the scope as ParseScope reads it.
func (s Scope) String() string { return strings.Join(s.segments, ":") }

// Grants reports whether the scope covers the permission, which is given as its
// segments, of which some may be AnyName.
func (s Scope) Grants(permission ...string) bool {
	if len(s.segments) == 1 && (s.segments[0] == wildcard || s.segments[0] == admin) {
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
		if segment != permission[i] && permission[i] != AnyName {
			return false
		}
	}
	return len(s.segments) == len(permission) && len(permission) > 0
}

// ScopeFor is the narrowest scope that grants the permission.
func ScopeFor(permission ...string) Scope {
	segments := slices.Clone(permission)
	for i := range segments {
		if segments[i] == AnyName {
			segments[i] = wildcard
		}
	}
	return Scope{segments}
}
