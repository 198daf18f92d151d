package mock

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/stripe/stripe-mock/spec"
)

// Fixture returns Stripe's sample object of a type as JSON, nil if there is none.
func (m *Mock) Fixture(kind string) json.RawMessage { return m.fixtures[kind] }

// Nullable says whether a field of a type may be null.
func (m *Mock) Nullable(kind, field string) bool {
	schema := m.schemas[kind]
	return schema != nil && schema.Properties[field] != nil && schema.Properties[field].Nullable
}

// Fields is what the description says of an object, as far as expanding needs it.
type Fields struct {
	m      *Mock
	schema *spec.Schema
}

// Fields describes the objects of a type.
func (m *Mock) Fields(kind string) Fields { return Fields{m, m.schemas[kind]} }

// Field describes one field. Into are the types that the id in it can be expanded
// to, none for a field that is an object in any case. Ok is false where nothing can be
// expanded.
func (f Fields) Field(name string) (field Fields, into []string, ok bool) {
	if f.schema == nil || f.schema.XExpandableFields == nil || !slices.Contains(*f.schema.XExpandableFields, name) {
		return Fields{}, nil, false
	}
	property := f.schema.Properties[name]
	if property == nil {
		return Fields{}, nil, false
	}
	if property.Type == spec.TypeArray && property.Items != nil {
		property = property.Items
	}
	if property.XExpansionResources != nil {
		for _, one := range property.XExpansionResources.OneOf {
			kind := strings.TrimPrefix(one.Ref, "#/components/schemas/")
			if resolved := f.m.schemas[kind]; resolved != nil && len(resolved.AnyOf) > 0 {
				for _, of := range resolved.AnyOf {
					into = append(into, strings.TrimPrefix(of.Ref, "#/components/schemas/"))
				}
				continue
			}
			into = append(into, kind)
		}
		return Fields{}, into, true
	}
	return Fields{f.m, f.resolve(property)}, nil, true
}

// resolve follows references; of several choices it takes the first object.
func (f Fields) resolve(s *spec.Schema) *spec.Schema {
	if kind, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return f.m.schemas[kind]
	}
	for _, one := range s.AnyOf {
		if one.Ref != "" {
			return f.resolve(one)
		}
	}
	return s
}

// Includes says whether a field is a list, which is in the object only when asked for.
func (f Fields) Includes(name string) bool {
	if f.schema == nil {
		return false
	}
	property := f.schema.Properties[name]
	return property != nil && property.Properties["object"] != nil && property.Properties["data"] != nil
}
