package gateway

import (
	"slices"
	"strings"
)

// later are the first segments of paths of mounts, and of endpoints that the
// gateway does not have yet: a webhook there would stop working one day.
var later = []string{"metrics", "openapi.json", "docs", "dashboard", "mcp"}

// free is the first segment below which webhooks are at home: of the paths there only
// those of endpoints are the gateway's.
const free = "webhooks"

// OwnsPath reports whether a path belongs to the gateway itself, as all do that
// begin with the same segment as one of its endpoints.
func OwnsPath(path string) bool {
	first := firstSegment(path)
	return slices.Contains(later, first) || slices.ContainsFunc(endpoints(), func(e endpoint) bool {
		if first == free {
			return newRoute(e.path).fits(path)
		}
		return firstSegment(e.path) == first
	})
}

// firstSegment is what an absolute path begins with.
func firstSegment(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}
