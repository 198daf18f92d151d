package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// appendString appends a JSON string. Paths, keys and root names are nearly
// always plain ASCII, which needs no escaping.
func appendString(buf []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return appendJSON(buf, s)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, s...)
	return append(buf, '"')
}

// appendJSON appends strings and errors, which always marshal: an error's
// Details have passed the border of the plugin or of the store as valid JSON.
func appendJSON(buf []byte, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("workflow: value that cannot be encoded: %v", err))
	}
	return append(buf, data...)
}

func sortedNames[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
