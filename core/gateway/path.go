package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/backflow/backflow/sdk/suggest"
)

// splitPath returns the decoded segments of a request's path. A path that one
// reader could take for another than the next reader does is an error: a segment
// that decodes to "." or "..", or that holds a slash, a control character or
// invalid UTF-8 once it is decoded (RFC 3986 sections 2.2 and 3.3). The id of an event
// alone may hold an escaped slash: it is the sender's, and any text. Empty
// segments are kept: they match no route.
func splitPath(u *url.URL) ([]string, error) {
	escaped := u.EscapedPath()
	if u.RawPath != "" && escaped != u.RawPath {
		// EscapedPath then returns an encoding of its own, in which an escaped
		// slash of the client has become a separator.
		return nil, badPath("it is not properly escaped")
	}
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return nil, badPath("it does not start with a slash")
	}
	segments := strings.Split(rest, "/")
	for i, raw := range segments {
		segment, err := url.PathUnescape(raw)
		if err != nil {
			return nil, badPath("it is not properly escaped")
		}
		if err := checkSegment(segment, i == 1 && segments[0] == eventsSegment); err != nil {
			return nil, err
		}
		segments[i] = segment
	}
	return segments, nil
}

// eventsSegment is what the paths of events begin with.
const eventsSegment = "events"

// checkSegment returns an error for a segment that must not be in a path.
func checkSegment(segment string, mayHoldSlash bool) error {
	if segment == "." || segment == ".." {
		return badPath("a segment is . or ..")
	}
	if !mayHoldSlash && strings.Contains(segment, "/") {
		return badPath("a segment holds an escaped slash")
	}
	if strings.ContainsFunc(segment, func(c rune) bool { return c < 0x20 || c == 0x7f }) {
		return badPath("a segment holds a control character")
	}
	if !utf8.ValidString(segment) {
		return badPath("a segment is not UTF-8")
	}
	return nil
}

// withoutSlashes returns a request to the same route, whose path has a slash between
// segments alone.
func withoutSlashes(r *http.Request, segments []string) *http.Request {
	if !slices.ContainsFunc(segments, func(s string) bool { return strings.Contains(s, "/") }) {
		return r
	}
	plain := slices.Clone(segments)
	for i, segment := range plain {
		plain[i] = strings.ReplaceAll(segment, "/", "_")
	}
	other := *r
	other.URL = &url.URL{Path: "/" + strings.Join(plain, "/")}
	return &other
}

// canonicalPath writes the segments of a path in one way, whatever characters the
// client escaped without need: RFC 3986 section 6.2.2.2 lets every proxy on the
// way change that. A repeat that came escaped differently is still a repeat.
func canonicalPath(segments []string) string {
	var b strings.Builder
	for _, segment := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(segment))
	}
	return b.String()
}

func badPath(why string) error {
	return &apiError{code: codeBadRequest, detail: "the path cannot be used: " + why}
}

// parseQuery reads a query. Unlike url.URL.Query, it returns an error for what it
// cannot read, other encodings than UTF-8 included: JSON would make another text of them.
func parseQuery(rawQuery string) (url.Values, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, &apiError{code: codeBadRequest, detail: "the query cannot be read: " + err.Error()}
	}
	for name, values := range query {
		if !utf8.ValidString(name) || slices.ContainsFunc(values, func(text string) bool { return !utf8.ValidString(text) }) {
			return nil, &apiError{code: codeBadRequest, detail: "the query cannot be read: it is not UTF-8"}
		}
	}
	return query, nil
}

// singleValued returns the values of a query in which each of the allowed names
// may be given once, and no other.
func singleValued(rawQuery string, allowed []string) (map[string]string, error) {
	query, err := parseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, name := range allowed {
		given := query[name]
		if len(given) > 1 {
			return nil, &apiError{code: codeBadRequest, detail: fmt.Sprintf("the query has %s %d times", name, len(given))}
		}
		if len(given) == 1 {
			values[name] = given[0]
		}
		delete(query, name)
	}
	if len(query) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(query)))
		hint := suggest.Hint(name, allowed)
		if hint == "" {
			hint = "none is known"
		}
		return nil, &apiError{code: codeBadRequest, detail: fmt.Sprintf("the query has an unknown name %q (%s)", name, hint)}
	}
	return values, nil
}
