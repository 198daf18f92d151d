package conformance

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk/schema"
)

// notAnObject are params that no schema accepts and no action can work with.
var notAnObject = json.RawMessage(`["this is no object"]`)

// bigSize is the length of the text in big params, in bytes.
const bigSize = 1 << 20

// object reads an example. It returns nil for anything but an object.
func object(document json.RawMessage) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	// The example has met its schema: it is JSON.
	_ = json.Unmarshal(document, &fields)
	return fields
}

// with returns the object with one more field, or with another value in a field.
func with(fields map[string]json.RawMessage, name string, value json.RawMessage) json.RawMessage {
	changed := maps.Clone(fields)
	if changed == nil {
		changed = make(map[string]json.RawMessage)
	}
	changed[name] = value
	// Each value is JSON already.
	document, _ := json.Marshal(changed)
	return document
}

// wrongType returns the example with a field of a type that the schema forbids, and
// the field's name. It prefers a field of the example to others that the schema
// declares. It returns nil if the schema forbids no type.
func wrongType(params *schema.Schema, declared, example json.RawMessage) (json.RawMessage, string) {
	fields := object(example)
	names := slices.Sorted(maps.Keys(fields))
	for _, name := range slices.Sorted(maps.Keys(properties(declared))) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		for _, value := range []string{`{"a":["wrong","type"]}`, `["wrong","type"]`, `true`, `"wrong type"`} {
			document := with(fields, name, json.RawMessage(value))
			if faults, err := params.Check(document); err == nil && len(faults) > 0 {
				return document, name
			}
		}
	}
	return nil, ""
}

func properties(raw json.RawMessage) map[string]json.RawMessage {
	var top struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	// The schema has compiled: it is an object.
	_ = json.Unmarshal(raw, &top)
	return top.Properties
}

// big returns params of more than bigSize bytes: the example with a long text in a
// field that takes one. If none does, the text is in a field that the schema may not
// know; valid says whether the schema accepts it.
func big(params *schema.Schema, declared, example json.RawMessage) (document json.RawMessage, valid bool) {
	text := json.RawMessage(`"` + strings.Repeat("x", bigSize) + `"`)
	fields := object(example)
	for _, name := range slices.Sorted(maps.Keys(properties(declared))) {
		document := with(fields, name, text)
		if faults, err := params.Check(document); err == nil && len(faults) == 0 {
			return document, true
		}
	}
	document = with(fields, "conformance", text)
	faults, err := params.Check(document)
	return document, err == nil && len(faults) == 0
}

// bigNonsense are params of the same size that no action can work with.
func bigNonsense() json.RawMessage {
	return slices.Concat([]byte(`["`), bytes.Repeat([]byte("x"), bigSize), []byte(`"]`))
}
