// Package schema checks JSON values against foreign JSON Schemas (2020-12), and
// describes what is wrong in words for people: one fault for each rule that is
// broken, with its JSON Pointer, and never the value itself, which may be a secret.
//
// It is a package of its own because different packages check params, credentials
// and manifests, and must describe faults in the same way. It does not know what
// a value is for.
//
// A library reads schemas and resolves their references. Values are checked by the
// package itself: what a stranger sends must not cost more than it is worth, so a
// check ends at the fiftieth fault, and after a number of comparisons that the size
// of the value gives. A known "format" is asserted; of another, nothing is checked.
//
// The package imports sdk, sdk/excerpt, sdk/pointer, sdk/suggest and sdk/value.
package schema

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Schema is a compiled schema. It is immutable and safe for concurrent use.
type Schema struct {
	root *rule
}

// schemaLocation is where the library finds the schema that is compiled.
const schemaLocation = "mem:///schema.json"

// Compile compiles a schema, which is a JSON object, of 2020-12 unless it says
// otherwise. It refuses a schema that could take too much time or memory. It loads
// nothing, neither from the network nor from files: a $ref out of the schema is an
// error. The error is an *[InvalidError].
func Compile(raw []byte) (*Schema, error) {
	// The library makes fractions of numbers, and panics if one has too many digits.
	// Its time grows with the square of the depth.
	if err := value.Check(raw); err != nil {
		return nil, invalid("", "not JSON: "+err.Error(), "")
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, invalid("", "not JSON: "+err.Error(), "")
	}
	if _, ok := document.(map[string]any); !ok {
		return nil, invalid("", "not a JSON object", `as in { "type": "object" }`)
	}
	root, more, err := compile(document, maxSteps+stepsPerByte*len(raw))
	if err != nil {
		return nil, explain(err, document)
	}
	rule := compileRules(root, more, unitsOf(document))
	if err := checkRuleCount(rule); err != nil {
		return nil, err
	}
	return &Schema{root: rule}, nil
}

// unitKeyword is a keyword of ours: what an integer counts. It is said where a number
// with a fraction is given instead, such as 19.99 for 1999 cents.
const unitKeyword = "x-unit"

// unitsOf returns the texts of unitKeyword by the location of their schema.
func unitsOf(document any) map[string]string {
	units := make(map[string]string)
	for at, object := range objects(document) {
		if text, ok := object[unitKeyword].(string); ok {
			units["#"+at] = text
		}
	}
	return units
}

// compile reads a schema and those in it that a dynamic reference may lead to.
func compile(document any, steps int) (root *jsonschema.Schema, more []*jsonschema.Schema, err error) {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	compiler.UseLoader(noLoader{})
	compiler.UseRegexpEngine(boundedRegexp(steps))
	if err := compiler.AddResource(schemaLocation, document); err != nil {
		return nil, nil, err
	}
	if root, err = compiler.Compile(schemaLocation); err != nil {
		return nil, nil, err
	}
	for at, object := range objects(document) {
		if _, anchored := object["$dynamicAnchor"].(string); !anchored || at == "" {
			continue
		}
		if s, err := compiler.Compile(schemaLocation + "#" + at); err == nil { // else it is no schema
			more = append(more, s)
		}
	}
	return root, more, nil
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
// bounds numbers: one that is to be a multiple of another is compared as a fraction,
// and the fraction of 1e999999999 has a thousand million digits.
func (s *Schema) Faults(v any) []sdk.Fault {
	found := s.OpenFaults(v, nil)
	if found == nil {
		return nil
	}
	faults := make([]sdk.Fault, len(found))
	for i, f := range found {
		faults[i] = sdk.Fault{Pointer: f.Pointer, Message: f.Message}
	}
	return faults
}

// OpenFaults is Faults for a value in which parts are still placeholders, with hints.
// For a value at a pointer for which open returns true, it reports only faults of its
// name. A nil function is that nothing is open.
func (s *Schema) OpenFaults(v any, open func(pointer string) bool) []Fault {
	checks := checksFor(v)
	c := checker{left: checks}
	if c.accepts(s.root, v, nil) {
		return nil
	}
	c.faults = &faultList{open: open}
	if !c.exhausted() {
		c.left = checks
		c.check(s.root, v, nil)
	}
	if c.exhausted() {
		return []Fault{{Message: fmt.Sprintf("takes more than %d comparisons to check", checks), Hint: "the schema refers to itself in a way that multiplies"}}
	}
	var faults []Fault
	for _, f := range c.faults.found {
		faults = append(faults, f.Fault)
	}
	slices.SortFunc(faults, func(a, b Fault) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
	})
	return faults
}
