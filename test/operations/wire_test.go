package operations

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// meant is the request that an operation with these params is, as lines that are
// sorted.
func meant(o *operation, params map[string]any) []string {
	path := o.path
	var lines []string
	for name, value := range params {
		switch where := o.in(name); {
		case where == "path":
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value.(string)))
		case o.multipart && name == "file":
			lines = append(lines, "file "+name+" "+fmt.Sprintf("%q", fileContent(value)))
		default:
			lines = append(lines, fields(where, name, value)...)
		}
	}
	lines = append(lines, o.method+" "+path)
	slices.Sort(lines)
	return lines
}

// fields are the fields that a value becomes, by Stripe's rules
// (https://docs.stripe.com/api): what nests is in brackets, items are counted, and
// what unsets is empty. Numbers are as they are written.
func fields(where, name string, value any) []string {
	var lines []string
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			lines = append(lines, fields(where, name+"["+key+"]", member)...)
		}
	case []any:
		for i, item := range v {
			lines = append(lines, fields(where, fmt.Sprintf("%s[%d]", name, i), item)...)
		}
	case nil:
		lines = []string{where + " " + name + "="}
	case json.Number:
		lines = []string{where + " " + name + "=" + v.String()}
	default:
		lines = []string{fmt.Sprintf("%s %s=%v", where, name, v)}
	}
	return lines
}
