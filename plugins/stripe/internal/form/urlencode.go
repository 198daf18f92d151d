package form

import (
	"net/url"
	"strings"
)

// Encode writes fields as application/x-www-form-urlencoded, in their order, for a
// query or a body. Brackets in names stay as they are, as Stripe's own libraries
// write them.
func Encode(fields []Field) []byte {
	size := 0
	for _, field := range fields {
		size += len(field.Name) + len(field.Value) + 2
	}
	out := make([]byte, 0, size+size/4)
	for i, field := range fields {
		if i > 0 {
			out = append(out, '&')
		}
		out = append(out, escapeName(field.Name)...)
		out = append(out, '=')
		out = append(out, url.QueryEscape(field.Value)...)
	}
	return out
}

var brackets = strings.NewReplacer("%5B", "[", "%5D", "]")

// escapeName is url.QueryEscape but for brackets. A percent sign of the name itself
// is escaped, so that no other text becomes a bracket.
func escapeName(name string) string {
	for i := 0; i < len(name); i++ {
		if c := name[i]; (c < 'a' || c > 'z') && c != '_' && c != '[' && c != ']' && (c < '0' || c > '9') {
			return brackets.Replace(url.QueryEscape(name))
		}
	}
	return name
}
