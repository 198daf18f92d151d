package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// Finding is something in a valid schema that cannot be meant.
type Finding struct {
	Fault
	// Works says that there are values that meet the schema; else there is none.
	Works bool
}

// formats are the values of "format" that are asserted.
func formats() []string {
	return []string{
		"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "iri", "iri-reference", "json-pointer", "period",
		"regex", "relative-json-pointer", "semver", "time", "uri", "uri-reference", "uri-template", "uuid",
	}
}

// Findings returns what in a schema that compiles can only be a mistake, by the
// pointers into the schema.
func Findings(raw []byte) []Finding {
	document, err := value.Parse(raw)
	if err != nil {
		return nil
	}
	l := linter{}
	l.schema(document, "", closedness{})
	return l.found
}

type linter struct{ found []Finding }

func (l *linter) add(works bool, at, hint, format string, args ...any) {
	l.found = append(l.found, Finding{Fault: Fault{Pointer: at, Message: fmt.Sprintf(format, args...), Hint: hint}, Works: works})
}

// closedness is what the schemas around one declare for the same value.
type closedness struct {
	names []string
	// closed says that names are all that there may be; unsure that there may be more
	// that is not followed.
	closed, unsure bool
}

// keywords that are known, with what their schemas are for.
var (
	ofSameValue  = []string{"not", "if", "then", "else"}
	ofSameValues = []string{"allOf", "anyOf", "oneOf"}
	ofInner      = []string{"additionalProperties", "propertyNames", "items", "contains", "unevaluatedProperties", "unevaluatedItems", "additionalItems"}
	ofInnerMaps  = []string{"properties", "patternProperties", "$defs", "definitions"}
	otherWords   = []string{
		"$schema", "$id", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$comment", "$vocabulary", "type", "enum", "const", "format",
		"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems",
		"uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties", "required", "dependentRequired", "dependentSchemas",
		"dependencies", "prefixItems", "title", "description", "default", "deprecated", "readOnly", "writeOnly", "examples",
		"contentEncoding", "contentMediaType", "contentSchema", unitKeyword,
	}
)

// schema looks at a schema, and at those in it.
func (l *linter) schema(v any, at string, around closedness) {
	s, ok := v.(map[string]any)
	if !ok {
		return
	}
	l.words(s, at)
	l.bounds(s, at)
	around = around.with(s)
	l.required(s, at, around)
	for _, key := range ofSameValue {
		inner := around
		inner.unsure = inner.unsure || key != "not"
		l.schema(s[key], at+"/"+key, inner)
	}
	for _, key := range ofSameValues {
		list, _ := s[key].([]any)
		for i, part := range list {
			l.schema(part, at+"/"+key+"/"+strconv.Itoa(i), around)
		}
	}
	for _, key := range ofInner {
		l.schema(s[key], at+"/"+key, closedness{})
	}
	for _, key := range ofInnerMaps {
		members, _ := s[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(members)) {
			l.schema(members[name], pointer.Join(at+"/"+key, name), closedness{})
		}
	}
	list, _ := s["prefixItems"].([]any)
	for i, part := range list {
		l.schema(part, at+"/prefixItems/"+strconv.Itoa(i), closedness{})
	}
}

// with adds what a schema says of the members of a value.
func (c closedness) with(s map[string]any) closedness {
	c.names = slices.Clip(c.names)
	properties, _ := s["properties"].(map[string]any)
	c.names = append(c.names, slices.Sorted(maps.Keys(properties))...)
	for _, key := range []string{"$ref", "$dynamicRef", "patternProperties", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"} {
		if _, given := s[key]; given && (key != "patternProperties" || s["additionalProperties"] == false) {
			c.unsure = true
		}
	}
	c.closed = c.closed || s["additionalProperties"] == false
	if s["additionalProperties"] == false {
		c.unsure = s["patternProperties"] != nil // it looks at nothing but the properties beside it
		c.names = slices.Sorted(maps.Keys(properties))
	}
	return c
}

// required finds names of members that there are not.
func (l *linter) required(s map[string]any, at string, around closedness) {
	required, _ := s["required"].([]any)
	if len(around.names) == 0 && !around.closed || around.unsure {
		return
	}
	for i, name := range required {
		name, ok := name.(string)
		if !ok || slices.Contains(around.names, name) {
			continue
		}
		place, hint := at+"/required/"+strconv.Itoa(i), suggest.Hint(name, around.names)
		if around.closed {
			l.add(false, place, hint, "required names %q, and additionalProperties allows only what properties names: no value meets the schema", name)
		} else {
			l.add(true, place, hint, "required names %q, which properties does not", name)
		}
	}
}

// words finds keywords that are misspelt, and formats that nothing asserts.
func (l *linter) words(s map[string]any, at string) {
	known := slices.Concat(ofSameValue, ofSameValues, ofInner, ofInnerMaps, otherWords)
	for _, word := range slices.Sorted(maps.Keys(s)) {
		if slices.Contains(known, word) {
			continue
		}
		if near := suggest.Nearest(word, known); near != "" {
			l.add(true, pointer.Join(at, word), fmt.Sprintf("did you mean %q?", near), "unknown keyword %q, which says nothing", word)
		}
	}
	if format, ok := s["format"].(string); ok && !slices.Contains(formats(), format) {
		l.add(true, at+"/format", suggest.Hint(format, formats()), "the format %q is not known, and nothing is checked of it", format)
	}
}

// bounds finds ranges that hold nothing.
func (l *linter) bounds(s map[string]any, at string) {
	for _, pair := range [][2]string{
		{"minimum", "maximum"}, {"exclusiveMinimum", "maximum"}, {"minimum", "exclusiveMaximum"}, {"exclusiveMinimum", "exclusiveMaximum"},
		{"minLength", "maxLength"}, {"minItems", "maxItems"}, {"minProperties", "maxProperties"}, {"minContains", "maxContains"},
	} {
		least, ok := s[pair[0]].(json.Number)
		most, also := s[pair[1]].(json.Number)
		if !ok || !also {
			continue
		}
		order := value.Compare(least, most)
		if exclusive := pair[0] == "exclusiveMinimum" || pair[1] == "exclusiveMaximum"; order > 0 || order == 0 && exclusive {
			l.add(false, at+"/"+pair[1], "", "%s is below %s: no value is between %s and %s", pair[1], pair[0], least, most)
		}
	}
}
