// Package pointer writes JSON Pointers (RFC 6901), which say where in the params
// a fault is. The package imports nothing of the project.
package pointer

import "strings"

// Join returns the pointer to what lies below base by these names, or indices of
// arrays: Join("/row", "a/b") is "/row/a~1b". The base of a whole document is "".
func Join(base string, names ...string) string {
	for _, name := range names {
		if strings.ContainsAny(name, "~/") {
			name = strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
		}
		base += "/" + name
	}
	return base
}
