package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/backflow/backflow/sdk"
)

// compileSchema compiles a plugin's JSON Schema (2020-12 unless it says
// otherwise). A schema cannot refer to anything outside itself: not to the
// network, and not to files of this machine.
func compileSchema(raw json.RawMessage) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, ok := document.(map[string]any); !ok {
		return nil, errors.New("not a JSON object")
	}
	const location = "plugin:schema"
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.UseLoader(nothing{})
	if err := compiler.AddResource(location, document); err != nil {
		return nil, err
	}
	return compiler.Compile(location)
}

// nothing is a loader of schemas that has none.
type nothing struct{}

// Load refuses.
func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: a plugin's schema must be complete in itself", url)
}

// schemaFaults answers the wrong places that a validation error tells of.
func schemaFaults(err error) []sdk.Fault {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []sdk.Fault{{Message: err.Error()}}
	}
	printer := message.NewPrinter(language.English)
	var faults []sdk.Fault
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			walk(cause)
		}
		if len(e.Causes) > 0 {
			return
		}
		switch k := e.ErrorKind.(type) {
		case *kind.Required:
			for _, name := range k.Missing {
				faults = append(faults, sdk.Fault{Pointer: pointer(e.InstanceLocation, name), Message: "is missing"})
			}
		case *kind.AdditionalProperties:
			for _, name := range k.Properties {
				faults = append(faults, sdk.Fault{Pointer: pointer(e.InstanceLocation, name), Message: "is not known"})
			}
		default:
			faults = append(faults, sdk.Fault{Pointer: pointer(e.InstanceLocation), Message: k.LocalizedString(printer)})
		}
	}
	walk(invalid)
	return faults
}
