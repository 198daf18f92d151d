package mock

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stripe/stripe-mock/param/coercer"
	"github.com/stripe/stripe-mock/spec"
)

// validator checks the params of an operation.
type validator interface{ Validate(params any) error }

// requestSchema is the schema of an operation's params beside those in the path,
// found as stripe-mock finds it.
func requestSchema(method string, o *spec.Operation) *spec.Schema {
	if method == http.MethodGet {
		return spec.BuildQuerySchema(o)
	}
	if o.RequestBody != nil {
		for _, media := range o.RequestBody.Content {
			if media.Schema != nil {
				return media.Schema
			}
		}
	}
	return &spec.Schema{Type: spec.TypeObject}
}

func newValidator(o *Operation, components *spec.ComponentsForValidation) (validator, error) {
	if o.Method == http.MethodGet {
		components = nil
	}
	made, err := spec.GetValidatorForOpenAPI3Schema(o.schema, components)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// Fault is what is wrong with the params of a request.
type Fault struct {
	// Code is Stripe's code of the fault, empty where only stripe-mock's own
	// check found it.
	Code string
	// Param is the param at fault, if one is known.
	Param   string
	Message string
}

// Check turns the texts of a form into the types of the operation's params, in
// place, and returns what is wrong with them, nil if nothing is. Unknown and missing
// params are found in Stripe's words, all else by stripe-mock's validator.
func (o *Operation) Check(params map[string]any) *Fault {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if o.schema.Properties[name] == nil {
			return &Fault{Code: "parameter_unknown", Param: name, Message: "Received unknown parameter: " + name}
		}
	}
	for _, name := range o.schema.Required {
		if value, ok := params[name]; !ok || value == "" {
			return &Fault{Code: "parameter_missing", Param: name, Message: "Missing required param: " + name + "."}
		}
	}
	if err := coercer.CoerceParams(o.schema, params); err != nil {
		return &Fault{Message: fmt.Sprintf("Request coercion error: %v", err)}
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if text, ok := params[name].(string); ok && o.schema.Properties[name].Type == spec.TypeInteger {
			return &Fault{Code: "parameter_invalid_integer", Param: name, Message: "Invalid integer: " + text}
		}
	}
	if wrong := unbounded(o.schema, params, ""); wrong != nil {
		return wrong
	}
	check, err := o.validator()
	if err == nil {
		err = check.Validate(params)
	}
	if err != nil {
		return &Fault{Message: "Invalid request: " + validatorName.ReplaceAllString(err.Error(), "")}
	}
	return nil
}

// validatorName is how the validator names itself in an error, which differs each time.
var validatorName = regexp.MustCompile(`validator 0x[0-9a-f]+ failed: `)

// LatestTime is the last time that is taken and reached, in Unix seconds: the start of
// the year 9999, which leaves a year that every date can be written in.
const LatestTime = 253370764800

// unbounded finds what stripe-mock does not look at, or has no clear words for: a text
// that is longer than its schema allows or none of its choices, a time that is none, an
// unknown param inside another. It returns nil where there is none of these.
func unbounded(s *spec.Schema, value any, name string) *Fault {
	switch v := value.(type) {
	case int:
		if (v < 0 || v > LatestTime) && isTime(s) {
			return &Fault{Code: "parameter_invalid_integer", Param: name, Message: fmt.Sprintf("Invalid timestamp: %d", v)}
		}
	case string:
		// Of several choices the widest counts.
		most := s.MaxLength
		for _, one := range s.AnyOf {
			if one.Type == spec.TypeString && len(one.Enum) == 0 {
				most = max(most, one.MaxLength)
			}
		}
		if most > 0 && utf8.RuneCountInString(v) > most {
			return &Fault{Param: name, Message: fmt.Sprintf("Invalid string: must be at most %d characters", most)}
		}
		if choices := enumeration(s); v != "" && len(choices) > 0 && !slices.Contains(choices, v) {
			return &Fault{Param: name, Message: fmt.Sprintf("Invalid %s: must be one of %s", name, strings.Join(choices, ", "))}
		}
	case map[string]any:
		choices := append([]*spec.Schema{s}, s.AnyOf...)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			inner := key
			if name != "" {
				inner = name + "[" + key + "]"
			}
			if !open(choices) && !slices.ContainsFunc(choices, func(one *spec.Schema) bool { return one.Properties[key] != nil }) {
				return &Fault{Code: "parameter_unknown", Param: inner, Message: "Received unknown parameter: " + inner}
			}
			for _, one := range choices {
				if property := one.Properties[key]; property != nil {
					if wrong := unbounded(property, v[key], inner); wrong != nil {
						return wrong
					}
				}
			}
		}
	case []any:
		for _, one := range append([]*spec.Schema{s}, s.AnyOf...) {
			if one.Items == nil {
				continue
			}
			for i := range v {
				if wrong := unbounded(one.Items, v[i], fmt.Sprintf("%s[%d]", name, i)); wrong != nil {
					return wrong
				}
			}
		}
	}
	return nil
}

// open says whether an object may have further fields than those that are named, for one
// of its schemas.
func open(choices []*spec.Schema) bool {
	named := false
	for _, one := range choices {
		if one.Type == spec.TypeObject && len(one.Properties) == 0 || one.AdditionalProperties != nil {
			return true
		}
		named = named || len(one.Properties) > 0
	}
	return !named
}

// enumeration returns the texts beside "" that a schema of texts allows, nil where it
// allows others too, or what is no text.
func enumeration(s *spec.Schema) []string {
	var texts []string
	for _, one := range append([]*spec.Schema{s}, s.AnyOf...) {
		switch {
		case one == s && s.AnyOf != nil:
			continue
		case one.Type != spec.TypeString || one.Enum == nil:
			return nil
		}
		for _, value := range one.Enum {
			if text, ok := value.(string); ok && text != "" {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// isTime says whether a schema, or one of its choices, is that of Unix seconds.
func isTime(s *spec.Schema) bool {
	return s.Format == "unix-time" || slices.ContainsFunc(s.AnyOf, func(one *spec.Schema) bool { return one.Format == "unix-time" })
}
