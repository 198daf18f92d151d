package derive

import (
	"fmt"
	"html"
	"regexp"
	"strings"
)

// node is a JSON object of a schema.
type node = map[string]any

// convert turns an OpenAPI 3.0 schema object (in its Stripe dialect) into a
// JSON Schema of draft 2020-12. A keyword that it does not know is an error, so
// that a newer description cannot lose a rule unseen.
//
// Three rules are ours. An object takes the properties that are listed and no
// others, as Stripe itself refuses unknown parameters. Where Stripe lets
// the empty string unset a value, null does so too: a form has no null. And metadata
// takes numbers, true and false beside texts: a form has texts alone.
func convert(in node) (node, error) {
	out := node{}
	for key, value := range in {
		var err error
		switch key {
		case "title", "nullable":
			// A title repeats the property's name; nullable is handled below.
		case "type", "enum", "maxLength", "pattern", "format", "required":
			out[key] = value
		case "description":
			if short := shorten(fmt.Sprint(value)); short != "" {
				out[key] = short
			}
		case "items":
			out[key], err = convertAny(value)
		case "additionalProperties":
			if allowed, ok := value.(bool); ok {
				out[key] = allowed
			} else {
				out[key], err = convertAny(value)
			}
		case "anyOf":
			out[key], err = convertList(value)
		case "properties":
			out[key], err = convertProperties(value)
		default:
			if !strings.HasPrefix(key, "x-") {
				return nil, fmt.Errorf("unknown keyword %q", key)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if _, open := out["additionalProperties"]; !open && out["type"] == "object" {
		out["additionalProperties"] = false
	}
	if in["nullable"] == true || unsettable(out) {
		allowNull(out)
	}
	return out, nil
}

func convertAny(value any) (node, error) {
	in, ok := value.(node)
	if !ok {
		return nil, fmt.Errorf("%T is not a schema", value)
	}
	return convert(in)
}

func convertList(value any) ([]any, error) {
	in, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%T is not a list", value)
	}
	out := make([]any, len(in))
	for i, item := range in {
		schema, err := convertAny(item)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		out[i] = schema
	}
	return out, nil
}

func convertProperties(value any) (node, error) {
	in, ok := value.(node)
	if !ok {
		return nil, fmt.Errorf("%T is not an object", value)
	}
	out := node{}
	for name, property := range in {
		schema, err := convertAny(property)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if name == "metadata" {
			allowScalars(schema)
		}
		out[name] = schema
	}
	return out, nil
}

// allowScalars lets an object of texts, which may be one of several forms of a value,
// hold other scalars too.
func allowScalars(schema node) {
	if members, ok := schema["additionalProperties"].(node); ok && members["type"] == "string" {
		members["type"] = []any{"string", "number", "boolean"}
	}
	forms, _ := schema["anyOf"].([]any)
	for _, form := range forms {
		if one, ok := form.(node); ok {
			allowScalars(one)
		}
	}
}

// unsettable reports whether a schema lists the empty string among its values,
// which is how Stripe's description says that a parameter can be unset.
func unsettable(schema node) bool {
	values, _ := schema["enum"].([]any)
	for _, value := range values {
		if value == "" {
			return true
		}
	}
	return false
}

func allowNull(schema node) {
	if kind, ok := schema["type"].(string); ok {
		schema["type"] = []any{kind, "null"}
	}
	if values, ok := schema["enum"].([]any); ok {
		schema["enum"] = append(append([]any{}, values...), nil)
	}
}

// maxDescription is the length at which a description is cut, in characters.
const maxDescription = 240

var (
	tag      = regexp.MustCompile(`<[^>]*>`)
	link     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	space    = regexp.MustCompile(`\s+`)
	sentence = regexp.MustCompile(`^.*?[.!?](?:\s|$)`)
	// abbreviation ends in a full stop that ends no sentence.
	abbreviation = regexp.MustCompile(`(?:e\.g\.|i\.e\.|etc\.|vs\.)\s*$`)
)

// shorten returns the first sentence of a description as plain text.
func shorten(text string) string {
	text = link.ReplaceAllString(tag.ReplaceAllString(text, ""), "$1")
	text = strings.TrimSpace(space.ReplaceAllString(html.UnescapeString(text), " "))
	var first string
	for rest := text; ; {
		next := sentence.FindString(rest)
		if next == "" {
			first = text
			break
		}
		first += next
		rest = rest[len(next):]
		if !abbreviation.MatchString(first) {
			break
		}
	}
	first = strings.TrimSpace(first)
	if runes := []rune(first); len(runes) > maxDescription {
		first = string(runes[:maxDescription-1]) + "…"
	}
	return first
}
