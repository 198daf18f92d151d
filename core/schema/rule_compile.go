package schema

import (
	"encoding/json"
	"maps"
	"math/big"
	"reflect"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compileRule makes the rule of a schema, nil if it has keywords that rules do not
// support.
func compileRule(s *jsonschema.Schema) *rule {
	everything := &rule{always: true}
	switch {
	case s.Bool != nil && *s.Bool:
		return everything
	case s.Bool != nil || s.DraftVersion != 2020 || !supports(s):
		return nil
	}
	r := &rule{
		kinds:  kindsOf(s.Types),
		length: spanOf(s.MinLength, s.MaxLength), pattern: s.Pattern,
		size: spanOf(s.MinItems, s.MaxItems), items: everything,
		count: spanOf(s.MinProperties, s.MaxProperties), required: s.Required, others: everything,
		members: make(map[string]*rule, len(s.Properties)),
	}
	for _, bound := range []struct {
		rule   *json.Number
		schema *big.Rat
	}{{&r.minimum, s.Minimum}, {&r.above, s.ExclusiveMinimum}, {&r.maximum, s.Maximum}, {&r.below, s.ExclusiveMaximum}} {
		var short bool
		if *bound.rule, short = numberOf(bound.schema); !short {
			return nil
		}
	}
	switch {
	case s.Enum != nil && s.Const != nil:
		return nil
	case s.Enum != nil:
		r.values = scalars(s.Enum.Values)
	case s.Const != nil:
		r.values = scalars([]any{*s.Const})
	}
	for _, part := range s.AllOf {
		r.all = append(r.all, compileRule(part))
	}
	for _, branch := range s.AnyOf {
		r.any = append(r.any, compileRule(branch))
	}
	if s.Items2020 != nil {
		r.items = compileRule(s.Items2020)
	}
	for name, member := range s.Properties {
		r.members[name] = compileRule(member)
	}
	switch others := s.AdditionalProperties.(type) {
	case bool:
		if !others {
			r.others = nil
		}
	case *jsonschema.Schema:
		r.others = compileRule(others)
	}
	return r
}

// supported are the fields of the library's schema that a rule supports, and those
// that allow everything. A schema with any other, even one that a later version of the
// library adds, has no rule.
var supported = []string{
	"Types", "Enum", "Const", "AllOf", "AnyOf",
	"Minimum", "ExclusiveMinimum", "Maximum", "ExclusiveMaximum",
	"MinLength", "MaxLength", "Pattern",
	"MinItems", "MaxItems", "Items2020",
	"MinProperties", "MaxProperties", "Required", "Properties", "AdditionalProperties",
	"DraftVersion", "Location", "ID", "Anchor", "Title", "Description", "Default", "Comment", "ReadOnly", "WriteOnly", "Examples", "Deprecated",
}

// unsupported are the other exported fields of the library's schema.
var unsupported = slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[jsonschema.Schema]()), func(field reflect.StructField) bool {
	return !field.IsExported() || slices.Contains(supported, field.Name)
})

// supports reports whether a rule supports all keywords of a schema.
func supports(s *jsonschema.Schema) bool {
	fields := reflect.ValueOf(s).Elem()
	for i := range unsupported {
		if !fields.FieldByIndex(unsupported[i].Index).IsZero() {
			return false
		}
	}
	return true
}

// kindsByName are the kinds of each type that a schema can name.
var kindsByName = map[string]kinds{
	"null": null, "boolean": boolean, "integer": integer, "number": integer | fraction,
	"string": text, "array": array, "object": object,
}

// kindsOf returns the kinds of the types that a schema names; nil names all.
func kindsOf(types *jsonschema.Types) kinds {
	names := slices.Collect(maps.Keys(kindsByName))
	if types != nil {
		names = types.ToStrings()
	}
	var all kinds
	for _, name := range names {
		all |= kindsByName[name]
	}
	return all
}

// spanOf returns the range of two keywords, each of which may be absent.
func spanOf(least, most *int) span {
	s := span{0, unbounded}
	if least != nil {
		s.least = *least
	}
	if most != nil {
		s.most = *most
	}
	return s
}

// numberOf writes a bound as a number, "" for none. ok is false if the bound has no
// short decimal.
func numberOf(bound *big.Rat) (n json.Number, ok bool) {
	if bound == nil {
		return "", true
	}
	const short = 256 // bits
	if bound.Num().BitLen() > short || bound.Denom().BitLen() > short {
		return "", false
	}
	digits, exact := bound.FloatPrec()
	return json.Number(bound.FloatString(digits)), exact
}

// scalars returns those of a list of values that hold no others. Numbers among them
// match only numbers that are written the same.
func scalars(values []any) []any {
	found := []any{} // not nil: that would be any value
	for _, v := range values {
		switch v.(type) {
		case nil, bool, string, json.Number:
			found = append(found, v)
		}
	}
	return found
}
