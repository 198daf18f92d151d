package operations

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maker makes values that a schema allows. Its choices follow from the number of the
// choice alone, so that they are the same every time.
type maker struct {
	full bool // with everything that is optional
}

// large is an integer that no float64 holds.
const large = "9007199254740993"

// strange is text that has to be escaped in a form, and is not ASCII.
const strange = `Grüße & 日本=+%5B;"\ [1]` + "\n🂡#é?/"

// choices is how many numbers of choices it takes to come to each value of each enum
// and to each branch of each union, with everything that is optional.
func choices(s schema) int {
	switch {
	case s["enum"] != nil:
		return len(s["enum"].([]any))
	case s["anyOf"] != nil:
		branches := s["anyOf"].([]any)
		most := 1
		for _, branch := range branches {
			most = max(most, choices(branch.(schema)))
		}
		return len(branches) * most
	case s["items"] != nil:
		if all, ok := everyItem(s); ok {
			return min(len(all), 1)
		}
		return choices(s["items"].(schema))
	}
	most := 1
	properties, _ := s["properties"].(map[string]any)
	for _, property := range properties {
		most = max(most, choices(property.(schema)))
	}
	if others, ok := s["additionalProperties"].(schema); ok {
		most = max(most, choices(others))
	}
	return most
}

// everyItem returns the values of an array of an enum: one array holds them all.
func everyItem(s schema) ([]any, bool) {
	items, _ := s["items"].(schema)
	values, ok := items["enum"].([]any)
	return values, ok
}

// value makes a value by the number of the choice.
func (m maker) value(s schema, choice int) any {
	switch {
	case s["enum"] != nil:
		values := s["enum"].([]any)
		return values[choice%len(values)]
	case s["anyOf"] != nil:
		branches := s["anyOf"].([]any)
		picked := branches[choice%len(branches)].(schema)
		if unset(picked) && (choice/len(branches))%2 == 1 {
			return nil // says the same as the empty text
		}
		return m.value(picked, choice/len(branches))
	}
	switch s["type"] {
	case "object":
		return m.object(s, choice)
	case "array":
		if all, ok := everyItem(s); ok {
			return all
		}
		items := s["items"].(schema)
		return []any{m.value(items, choice), m.value(items, choice+1)}
	case "integer":
		return json.Number(large)
	case "number":
		return json.Number("12.50")
	case "boolean":
		return choice%2 == 0
	case "string":
		if s["format"] == "binary" {
			return file(choice)
		}
		return text(s)
	}
	panic(fmt.Sprintf("no value for %v", s))
}

// unset reports whether a schema is that of the text that unsets a value.
func unset(s schema) bool {
	values, _ := s["enum"].([]any)
	return len(values) == 1 && values[0] == ""
}

// text makes a text of the length that the schema allows.
func text(s schema) string {
	runes := []rune(strange)
	if longest, ok := s["maxLength"].(json.Number); ok {
		if n, err := longest.Int64(); err == nil && n < int64(len(runes)) {
			runes = runes[:n]
		}
	}
	return string(runes)
}

func (m maker) object(s schema, choice int) any {
	out := map[string]any{}
	required := texts(s["required"])
	properties, _ := s["properties"].(map[string]any)
	for name, property := range properties {
		if m.full || slices.Contains(required, name) {
			out[name] = m.value(property.(schema), choice)
		}
	}
	if names := sorted(properties); len(out) == 0 && len(names) > 0 {
		// A form has no empty objects.
		out[names[0]] = m.value(properties[names[0]].(schema), choice)
	}
	if others, ok := s["additionalProperties"].(schema); ok {
		out["key"] = m.value(others, choice)
		out["Schlüssel 鍵 & more=%"] = m.value(others, choice+1)
	}
	return out
}

// id is a value in a path.
const id = "obj_1-A.b"

// params makes the params of an operation by the number of the choice. Metadata holds
// numbers and booleans beside texts.
func (m maker) params(o *operation, choice int) map[string]any {
	all, required := o.params()
	out := map[string]any{}
	for _, name := range sorted(all) {
		switch {
		case o.in(name) == "path":
			out[name] = id
		case name == "expand" && m.full:
			// The mock takes any name that sorts before the last that there is. It fails
			// on all but the star where there is none, and with the star where there is
			// one: some answers hold their own kind.
			out[name] = []any{strange, "0"}
			if !o.expandable {
				out[name] = []any{"*"}
			}
		case m.full || slices.Contains(required, name):
			out[name] = m.value(all[name], choice)
		}
	}
	if metadata, ok := out["metadata"].(map[string]any); ok && len(metadata) > 0 {
		metadata["count"], metadata["rate"], metadata["on"] = json.Number("1e3"), json.Number("-0.50"), true
	}
	return out
}

// file makes a file, in each of the forms that one has.
func file(choice int) any {
	if choice%2 == 0 {
		return "a,b\r\n--boundary--\r\nü"
	}
	return map[string]any{"name": "scan ü.png", "contentType": "image/png", "base64": "iVBORwD/"}
}

// fileContent is what a file holds.
func fileContent(file any) string {
	if text, ok := file.(string); ok {
		return text
	}
	return "\x89PNG\x00\xff"
}

// shown is params in short, for messages.
func shown(params map[string]any) string {
	raw, err := json.Marshal(params)
	if err != nil {
		return err.Error()
	}
	return strings.ToValidUTF8(string(raw[:min(len(raw), 600)]), "")
}
