package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// sortedKeys makes what is told to users come in one order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func quote(s string) string { return strconv.Quote(s) }

// indexPointer is the JSON Pointer of an element of a list.
func indexPointer(list string, i int) string { return fmt.Sprintf("%s/%d", list, i) }

// stringField reads a string member of a JSON object; "" where there is none.
func stringField(object []byte, name string) string {
	var members map[string]json.RawMessage
	var text string
	if json.Unmarshal(object, &members) != nil || json.Unmarshal(members[name], &text) != nil {
		return ""
	}
	return text
}

// sortedValues are the values of a map, in the order of its keys.
func sortedValues[V any](m map[string]V) []V {
	values := make([]V, 0, len(m))
	for _, key := range sortedKeys(m) {
		values = append(values, m[key])
	}
	return values
}

// joinClose closes what a failed command leaves open.
func joinClose(err error, c interface{ Close() error }) error { return errors.Join(err, c.Close()) }

// quoteJSON writes a text as a JSON string.
func quoteJSON(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(data)
}
