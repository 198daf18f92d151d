package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// appendJSON appends texts and errors. They always marshal: an error's Details
// were checked when it came from the plugin or out of the store.
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
