package webhook

import (
	"fmt"
	"regexp"
	"strings"
)

// pathSegment is what needs no escape in a path (RFC 3986 section 2.3).
var pathSegment = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

// CheckPath says what is wrong with the path of a webhook: it is to be an absolute
// path of plain segments that belongs to nothing else. Owned reports whether a path
// is the gateway's own; nil is that none is.
func CheckPath(path string, owned func(path string) bool) error {
	if path == "" || path[0] != '/' {
		return fmt.Errorf("path %q must start with a slash", path)
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if !pathSegment.MatchString(segment) || segment == "." || segment == ".." {
			return fmt.Errorf("path %q: each segment is made of letters, digits, '-', '_', '.' and '~'", path)
		}
	}
	if owned != nil && owned(path) {
		first, _, _ := strings.Cut(path[1:], "/")
		if first == "webhooks" { // where other paths are free
			return fmt.Errorf("path %q belongs to the gateway itself", path)
		}
		return fmt.Errorf("path %q: /%s belongs to the gateway itself", path, first)
	}
	return nil
}
