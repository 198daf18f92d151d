package access

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/sdk/excerpt"
	"github.com/backflow/backflow/sdk/suggest"
)

// wildcard stands for any one segment of a scope. As the last segment it stands
// for all further ones too.
const wildcard = "*"

// admin is the scope of everything.
const admin = "admin"

// AnyName as a segment of a permission matches a scope with any name in that
// place. No path can hold this name.
const AnyName = ""

// Scope is a permission of a token. Make it with ParseScope; the zero Scope
// grants nothing.
type Scope struct {
	segments []string
}

// forms lists all scopes. A part in capitals stands for any name. ParseScope, its
// hints, the gateway's texts and the reference of the config follow from this
// list; docs/http.md says what each scope allows.
var forms = []string{
	"integrations:NAME:ACTION",
	"workflows:ID:run",
	"workflows:ID:read",
	"runs:read",
	"runs:write",
	"events:read",
	"events:write",
	"destinations:read",
	"destinations:write",
	"metrics:read",
	admin,
}

// Forms returns what scopes look like, such as "workflows:ID:run": a part in
// capitals stands for any name. The wildcard may stand in place of every part
// but the first.
func Forms() []string { return slices.Clone(forms) }

// isPlaceholder reports whether a part of a form stands for any name.
func isPlaceholder(part string) bool { return part == strings.ToUpper(part) }

// namePattern matches the names that a scope may hold.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// ParseScope reads a scope that looks like one of Forms, such as
// "workflows:process-order:run". "*" stands for any one segment, as the last one
// for the rest: "integrations:*" is "integrations:*:*". "*" alone is everything,
// as is "admin". The error is a *SyntaxError.
func ParseScope(s string) (Scope, error) {
	segments := strings.Split(s, ":")
	if s == wildcard {
		return Scope{segments}, nil
	}
	if segments[0] == "routes" {
		return Scope{}, &SyntaxError{Message: "scopes of routes are not supported by this version", Hint: "leave it out"}
	}
	var kinds, alike []string
	for _, form := range forms {
		parts := strings.Split(form, ":")
		if !slices.Contains(kinds, parts[0]) {
			kinds = append(kinds, parts[0])
		}
		if parts[0] != segments[0] {
			continue
		}
		if matchesForm(segments, parts) {
			return Scope{segments}, nil
		}
		alike = append(alike, form)
	}
	if len(alike) > 0 {
		return Scope{}, notAScope(s, "write "+strings.Join(alike, " or ")+"; * stands for any part, or for the rest")
	}
	return Scope{}, notAScope(s, suggest.Hint(segments[0], kinds))
}

// matchesForm reports whether the segments of a scope match a form of their kind.
func matchesForm(segments, form []string) bool {
	last := len(segments) - 1
	rest := last > 0 && len(segments) < len(form) && segments[last] == wildcard
	if len(segments) != len(form) && !rest {
		return false
	}
	for i := 1; i < len(segments); i++ {
		switch {
		case segments[i] == wildcard:
		case isPlaceholder(form[i]) && namePattern.MatchString(segments[i]):
		case segments[i] != form[i]:
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

// Grants reports whether the scope covers the permission, given as its segments.
// Some of them may be AnyName.
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

// GrantsByName reports whether the scope covers the permission by its last segment's
// own name, or is one for everything: what Grants says of "integrations:shop:*" does
// not count.
func (s Scope) GrantsByName(permission ...string) bool {
	everything := len(s.segments) == 1
	return s.Grants(permission...) && (everything || s.segments[len(s.segments)-1] == permission[len(permission)-1])
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

// FormFor returns how Forms writes the scopes that grant the permission: a part
// that is AnyName as the placeholder in its place, such as "workflows:ID:read".
// Where there is no placeholder, it is the wildcard.
func FormFor(permission ...string) string {
	segments := ScopeFor(permission...).segments
	for _, form := range forms {
		parts := strings.Split(form, ":")
		if !slices.EqualFunc(permission, parts, compatible) {
			continue
		}
		for i, part := range parts {
			if permission[i] == AnyName && isPlaceholder(part) {
				segments[i] = part
			}
		}
		break
	}
	return strings.Join(segments, ":")
}

// compatible reports whether a part of a permission can be that of a form.
// Names are not checked: a permission may hold whatever a path does.
func compatible(part, form string) bool {
	return part == form || part == AnyName || isPlaceholder(form)
}
