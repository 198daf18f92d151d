package sdktest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// notAnObject are params that no schema accepts and no action can work with.
const notAnObject = `["this is no object"]`

// bigText is a text of 1 MiB.
var bigText = strings.Repeat("x", 1<<20)

// with returns an object with another value in a field.
func with(object json.RawMessage, name, value string) json.RawMessage {
	fields := make(map[string]json.RawMessage)
	_ = json.Unmarshal(object, &fields) // it has met its schema, which takes objects
	fields[name] = json.RawMessage(value)
	changed, _ := json.Marshal(fields) // each value is JSON already
	return changed
}

// fieldsOf are the names of the fields of an object and of a schema.
func fieldsOf(spec *sdk.ActionSpec, object json.RawMessage) []string {
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	_ = json.Unmarshal(spec.Params, &schema) // it has compiled
	fields := schema.Properties
	if fields == nil {
		fields = make(map[string]json.RawMessage)
	}
	_ = json.Unmarshal(object, &fields) // as in with
	return slices.Sorted(maps.Keys(fields))
}

// wrongType returns the example with a field of a type that the schema forbids, and
// the field's name; nil if the schema forbids no type.
func wrongType(spec *sdk.ActionSpec, example json.RawMessage) (json.RawMessage, string) {
	for _, name := range fieldsOf(spec, example) {
		for _, value := range []string{`{"a":["wrong","type"]}`, `["wrong","type"]`, `true`, `"wrong type"`} {
			params := with(example, name, value)
			if faults, err := faultsOf(spec.Params, params); err == nil && len(faults) > 0 {
				return params, name
			}
		}
	}
	return nil, ""
}

// bigParams returns the example with bigText in a field that takes it, or else in one
// that the schema may not know.
func bigParams(spec *sdk.ActionSpec, example json.RawMessage) json.RawMessage {
	for _, name := range fieldsOf(spec, example) {
		params := with(example, name, `"`+bigText+`"`)
		if faults, err := faultsOf(spec.Params, params); err == nil && len(faults) == 0 {
			return params
		}
	}
	return with(example, "sdktest", `"`+bigText+`"`)
}
