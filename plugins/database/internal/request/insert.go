package request

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/digest"
)

// ActionInsert is the name of the action.
const ActionInsert = "insert"

// Insert is what insert is asked for.
type Insert struct {
	Table string
	// Data is in the order in which the caller wrote it.
	Data []Member
}

// Digest is the same for the same params, in whatever order and with whatever
// space they are written.
func (p Insert) Digest() string {
	parts := []string{ActionInsert, p.Table}
	for _, given := range sorted(p.Data) {
		parts = append(parts, given.Name, string(given.Value))
	}
	return digest.Hex(parts...)
}

// ReadInsert reads params that the gateway has checked against the
// schema, strictly: names given twice, bytes that are not UTF-8 and lone
// surrogates are refused, where a lenient reader would store something else
// than what was sent.
func ReadInsert(params []byte) (Insert, error) {
	var read Insert
	members, err := ReadObject(params)
	if err != nil {
		return read, failure.Invalid(sdk.Fault{Message: err.Error()})
	}
	var faults []sdk.Fault
	seen := make(map[string]bool)
	for _, member := range members {
		seen[member.Name] = true
		switch {
		case member.Name == "table" && member.Value.Kind() == '"':
			name, err := jsontext.AppendUnquote(nil, member.Value)
			if err != nil {
				faults = append(faults, failure.Fault("/table", "is not a valid string"))
			}
			read.Table = string(name)
		case member.Name == "data" && member.Value.Kind() == '{':
			if read.Data, err = ReadObject(member.Value); err != nil {
				faults = append(faults, failure.Fault("/data", "%v", err))
			}
		case member.Name == "table":
			faults = append(faults, failure.Fault("/table", "must be a string"))
		case member.Name == "data":
			faults = append(faults, failure.Fault("/data", "must be an object of columns and values"))
		default:
			faults = append(faults, failure.Fault("", "insert has no param %s", failure.Shown(member.Name)))
		}
	}
	for _, name := range []string{"table", "data"} {
		if !seen[name] {
			faults = append(faults, failure.Fault("", "the param %q is missing", name))
		}
	}
	if len(faults) > 0 {
		return Insert{}, failure.Invalid(faults...)
	}
	return read, nil
}
