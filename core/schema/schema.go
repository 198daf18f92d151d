// Package schema checks JSON values against foreign JSON Schemas (2020-12), and
// describes what is wrong in words for people: one fault for each rule that is
// broken, with its JSON Pointer, and never the value itself, which may be a secret.
//
// It is a package of its own because different packages check params, credentials
// and manifests, and must describe faults in the same way. It does not know what
// a value is for. The package imports core/value, sdk, sdk/pointer and
// sdk/suggest.
package schema

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// Schema is a compiled schema. It is immutable and safe for concurrent use.
type Schema struct {
	compiled *jsonschema.Schema
	rule     *rule    // accepts most valid values without the library
	fields   []string // of the value itself, for hints
}

// Compile compiles a schema, which is a JSON object, of 2020-12 unless it says
// otherwise. It refuses a schema that could take too much time or memory. It loads
// nothing, neither from the network nor from files: a $ref out of the schema is an
// error.
func Compile(raw []byte) (*Schema, error) {
	// The library makes fractions of numbers, and panics if one has too many digits.
	// Its time grows with the square of the depth.
	if err := value.Check(raw); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, ok := document.(map[string]any); !ok {
		return nil, errors.New("not a JSON object")
	}
	const location = "mem:///schema.json"
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.UseLoader(noLoader{})
	compiler.UseRegexpEngine(boundedRegexp(maxSteps + stepsPerByte*len(raw)))
	if err := compiler.AddResource(location, document); err != nil {
		return nil, err
	}
	compiled, err := compiler.Compile(location)
	if err != nil {
		return nil, err
	}
	if err := checkRuleCount(compiled); err != nil {
		return nil, err
	}
	return &Schema{compiled: compiled, rule: compileRule(compiled), fields: slices.Sorted(maps.Keys(compiled.Properties))}, nil
}

// noLoader loads no schema.
type noLoader struct{}

// Load returns an error.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: a schema must be complete in itself", url)
}

// Check returns where a JSON document does not meet the schema, sorted by pointer,
// fifty faults at most. The error is that of [value.Parse] for a document that cannot
// be read.
func (s *Schema) Check(document []byte) ([]sdk.Fault, error) {
	v, err := value.Parse(document)
	if err != nil {
		return nil, err
	}
	return s.Faults(v), nil
}

// Faults is Check for a value that was parsed. It must come from [value.Parse], which
// bounds numbers: they are compared as fractions, and the fraction of 1e999999999 has
// a thousand million digits.
func (s *Schema) Faults(v any) []sdk.Fault {
	return s.OpenFaults(v, func(string) bool { return false })
}

// OpenFaults is Faults for a value in which parts are still placeholders. For a value
// at a pointer for which open returns true, it reports only faults of its name.
func (s *Schema) OpenFaults(v any, open func(pointer string) bool) []sdk.Fault {
	if s.rule.accepts(v) {
		return nil
	}
	err := s.compiled.Validate(v)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []sdk.Fault{{Message: err.Error()}}
	}
	return flatten(invalid, s.fields, open)
}
