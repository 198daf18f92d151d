package dialect

import "strings"

// DataPointer is the JSON Pointer (RFC 6901) to a column's value in the params.
func DataPointer(column string) string {
	return "/data/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(column)
}
