package driver

import "github.com/go-json-experiment/json/jsontext"

// DataPointer is the JSON Pointer (RFC 6901) to a column's value in the params.
func DataPointer(column string) string {
	return string(jsontext.Pointer("/data").AppendToken(column))
}
