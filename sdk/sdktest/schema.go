package sdktest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/manifest"
)

// manifestOf asks a plugin for its manifest and holds it to the gateway's rules.
func manifestOf(p sdk.Plugin) (sdk.Manifest, error) {
	var m sdk.Manifest
	err := guarded("Manifest", func() error {
		m = p.Manifest()
		// What sdk.New was given may be wrong in ways that a manifest cannot show.
		if checked, ok := p.(interface{ Check() error }); ok {
			return checked.Check()
		}
		return nil
	})
	if err != nil {
		return m, fmt.Errorf("the plugin is not in order: %w", err)
	}
	if err := manifest.Validate(&m, func(schema []byte) error { _, err := compile(schema); return err }); err != nil {
		return m, fmt.Errorf("the manifest is not in order: %w", err)
	}
	return m, nil
}

// compile compiles a schema as the gateway does: it is complete in itself.
func compile(schema []byte) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, ok := document.(map[string]any); !ok {
		return nil, errors.New("not a JSON object")
	}
	const location = "mem:///schema.json"
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat() // as the gateway does
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
	return nil, fmt.Errorf("%s: a schema must be complete in itself", url)
}

// described lists faults for people: the place of each, and what is wrong there.
func described(faults []sdk.Fault) string {
	texts := make([]string, len(faults))
	for i, fault := range faults {
		texts[i] = fault.Message
		if fault.Pointer != "" {
			texts[i] = fault.Pointer + ": " + fault.Message
		}
	}
	return strings.Join(texts, "; ")
}

// faultsOf returns where a document does not meet a schema. The error is that of
// a document that is no JSON, or has a name twice.
func faultsOf(schema, document []byte) ([]sdk.Fault, error) {
	if err := wellFormed(document); err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	compiled, err := compile(schema)
	if err != nil {
		return nil, fmt.Errorf("the schema: %w", err)
	}
	var invalid *jsonschema.ValidationError
	switch err := compiled.Validate(value); {
	case err == nil:
		return nil, nil
	case !errors.As(err, &invalid):
		return nil, err
	}
	var faults []sdk.Fault
	for _, unit := range invalid.BasicOutput().Errors {
		if unit.Error != nil {
			faults = append(faults, sdk.Fault{Pointer: unit.InstanceLocation, Message: unit.Error.String()})
		}
	}
	return faults, nil
}

// wellFormed reads a whole document: duplicate names and text that is no UTF-8
// are errors, as they are to the gateway.
func wellFormed(document []byte) error {
	if value := jsontext.Value(document); !value.IsValid() {
		return errors.New("not JSON, or a name is there twice")
	}
	return nil
}

// checkResult returns why the gateway, or a client that trusts the schema, could
// not use a result.
func checkResult(spec *sdk.ActionSpec, result sdk.Result) error {
	if len(result.Body) > sdk.MaxBodySize {
		return fmt.Errorf("%d bytes are more than the %d that a plugin may answer", len(result.Body), sdk.MaxBodySize)
	}
	if result.ContentType != "" && !strings.HasPrefix(result.ContentType, "application/json") {
		return nil
	}
	if err := wellFormed(result.Body); err != nil {
		return err
	}
	if len(spec.Result) == 0 {
		return nil
	}
	faults, err := faultsOf(spec.Result, result.Body)
	if err == nil && len(faults) > 0 {
		err = fmt.Errorf("it does not match the schema: %s", described(faults))
	}
	return err
}

// sameJSON reports whether two documents are the same value, numbers as written
// but for the ways of writing one.
func sameJSON(a, b []byte) bool {
	left, errLeft := jsonschema.UnmarshalJSON(bytes.NewReader(a))
	right, errRight := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	return errLeft == nil && errRight == nil && reflect.DeepEqual(normal(left), normal(right))
}

// normal writes each number as a fraction: 1.0 is 1.
func normal(value any) any {
	switch value := value.(type) {
	case json.Number:
		if r, ok := new(big.Rat).SetString(value.String()); ok {
			return json.Number(r.RatString())
		}
	case []any:
		for i := range value {
			value[i] = normal(value[i])
		}
	case map[string]any:
		for name := range value {
			value[name] = normal(value[name])
		}
	}
	return value
}

// random makes a key that no other call has.
func random() string { return rand.Text() }
