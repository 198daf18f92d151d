package api

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk/pointer"
)

// maxID bounds an id in a path, in characters: Stripe promises that no id of its own
// is longer (https://docs.stripe.com/upgrades).
const maxID = 255

// Path returns a template of the description, such as /v1/customers/{customer}, with
// an id in place of each name in braces. An id is escaped, so that exactly that id is
// asked for. One that could name another object than the caller meant is a *form.Fault
// that points at the name: one that is empty, "." or "..", is longer than 255
// characters, or holds a slash, a backslash, or a control character.
func Path(template string, id func(name string) string) (string, error) {
	if !strings.Contains(template, "{") {
		return template, nil
	}
	var path strings.Builder
	path.Grow(len(template) + 32)
	for rest := template; ; {
		literal, after, found := strings.Cut(rest, "{")
		path.WriteString(literal)
		if !found {
			return path.String(), nil
		}
		name, following, closed := strings.Cut(after, "}")
		if !closed {
			return "", fmt.Errorf("the path %s has an open brace", template)
		}
		given := id(name)
		if reason := unfit(given); reason != "" {
			return "", &form.Fault{Pointer: pointer.Join("", name), Message: reason}
		}
		path.WriteString(url.PathEscape(given))
		rest = following
	}
}

// unfit says why a text is no id, and nothing if it may be one.
func unfit(id string) string {
	switch {
	case id == "":
		return "is empty: an id is needed"
	case id == "." || id == "..":
		return "is not an id"
	case !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }):
		return "is not an id: it holds a slash, a backslash or a control character"
	case utf8.RuneCountInString(id) > maxID:
		return fmt.Sprintf("is not an id: it is longer than %d characters", maxID)
	}
	return ""
}
