package plugin

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/core/schema"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// CheckCredentials checks the config's entry under "credentials" against the
// schema that the plugin publishes; raw is nil or empty where the config has
// none. The faults never repeat a value.
func CheckCredentials(manifest *sdk.Manifest, raw json.RawMessage) []sdk.Fault {
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	given, err := value.Parse(raw)
	if err != nil {
		return []sdk.Fault{{Message: "is not JSON"}}
	}
	if len(manifest.Credentials) == 0 {
		if fields, ok := given.(map[string]any); ok && len(fields) == 0 {
			return nil
		}
		return []sdk.Fault{{Message: "the plugin takes no credentials"}}
	}
	compiled, err := schema.Compile(manifest.Credentials)
	if err != nil {
		return []sdk.Fault{{Message: "the plugin's schema of its credentials does not compile: " + err.Error()}}
	}
	return compiled.Faults(given)
}

// describeFaults writes faults as a sentence that an operator can act upon.
func describeFaults(name string, faults []sdk.Fault) string {
	parts := make([]string, len(faults))
	for i, fault := range faults {
		parts[i] = "credentials." + name + dotted(fault.Pointer) + ": " + fault.Message
	}
	return strings.Join(parts, "; ")
}

// dotted writes a JSON Pointer as people write a config path: ".a.b".
func dotted(pointer string) string {
	var b strings.Builder
	for token := range jsontext.Pointer(pointer).Tokens() {
		b.WriteString("." + token)
	}
	return b.String()
}

// SecretValues answers the texts in the credentials that must never be shown:
// those that the schema marks writeOnly, and passwords inside URLs.
func SecretValues(schema, credentials json.RawMessage) []string {
	if len(schema) == 0 || len(credentials) == 0 {
		return nil
	}
	root, errSchema := value.Parse(schema)
	given, errGiven := value.Parse(credentials)
	if errSchema != nil || errGiven != nil {
		return nil // both have been checked before
	}
	finder := secretFinder{root: root}
	finder.walk(root, given, 0)
	for _, text := range texts(given, nil) {
		if address, err := url.Parse(text); err == nil && address.User != nil {
			if password, given := address.User.Password(); given {
				finder.found = append(finder.found, password)
			}
		}
	}
	slices.Sort(finder.found)
	return slices.Compact(finder.found)
}

// secretFinder walks a schema and a value side by side.
type secretFinder struct {
	root  any
	found []string
}

// maxSchemaDepth ends the walk through a schema that refers to itself.
const maxSchemaDepth = 32

func (f *secretFinder) walk(schema, value any, depth int) {
	rules, ok := schema.(map[string]any)
	if !ok || depth > maxSchemaDepth {
		return
	}
	if rules["writeOnly"] == true {
		f.found = texts(value, f.found)
		return
	}
	if reference, ok := rules["$ref"].(string); ok {
		f.walk(f.resolve(reference), value, depth+1)
	}
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		branches, _ := rules[keyword].([]any)
		for _, branch := range branches {
			f.walk(branch, value, depth+1)
		}
	}
	for _, keyword := range []string{"if", "then", "else"} {
		f.walk(rules[keyword], value, depth+1)
	}
	switch value := value.(type) {
	case map[string]any:
		properties, _ := rules["properties"].(map[string]any)
		for name, field := range value {
			if rule, known := properties[name]; known {
				f.walk(rule, field, depth+1)
			} else {
				f.walk(rules["additionalProperties"], field, depth+1)
			}
		}
	case []any:
		for _, element := range value {
			f.walk(rules["items"], element, depth+1)
		}
	}
}

// resolve follows a reference within the schema, "#/$defs/x".
func (f *secretFinder) resolve(reference string) any {
	path, local := strings.CutPrefix(reference, "#")
	if !local {
		return nil
	}
	current := f.root
	for segment := range jsontext.Pointer(path).Tokens() {
		rules, ok := current.(map[string]any)
		if !ok {
			return nil
		}
		current = rules[segment]
	}
	return current
}

// texts appends every string inside a JSON value.
func texts(value any, found []string) []string {
	switch value := value.(type) {
	case string:
		found = append(found, value)
	case []any:
		for _, element := range value {
			found = texts(element, found)
		}
	case map[string]any:
		for _, field := range value {
			found = texts(field, found)
		}
	}
	return found
}
