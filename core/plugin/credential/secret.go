package credential

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"

	"github.com/backflow/backflow/sdk/value"
)

// SecretValues returns the texts in the credentials that must never be shown:
// those that the schema marks writeOnly, and passwords inside URLs. They are
// sorted.
func SecretValues(schema, credentials json.RawMessage) []string {
	if len(schema) == 0 || len(credentials) == 0 {
		return nil
	}
	given, err := value.Parse(credentials)
	if err != nil {
		return nil // it has been checked before
	}
	var found []string
	w := walker{visit: func(rules map[string]any, given any, _ string, _ bool) {
		if rules["writeOnly"] == true {
			found = texts(given, found)
		}
	}}
	if !w.walk(schema, given) {
		found = texts(given, nil) // hide too much rather than too little
	}
	for _, text := range texts(given, nil) {
		if address, err := url.Parse(text); err == nil && address.User != nil {
			if password, given := address.User.Password(); given {
				found = append(found, password)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
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

// SecretFields returns the fields that a schema of credentials marks writeOnly,
// as people write a config path: "secretKey", "tls.key", "tokens[]". They are
// sorted.
func SecretFields(schema json.RawMessage) []string {
	root, err := value.Parse(schema)
	if err != nil {
		return nil // no schema, or one that plugin.Validate refuses
	}
	finder := fieldFinder{root: root, found: make(map[string]bool)}
	finder.walk(root, "", 0)
	return slices.Sorted(maps.Keys(finder.found))
}

// maxSchemaSteps ends the walk through a schema that refers to itself in more
// than one way.
const maxSchemaSteps = 10_000

// fieldFinder walks a schema.
type fieldFinder struct {
	root  any
	found map[string]bool
	steps int
}

func (f *fieldFinder) walk(schema any, path string, depth int) {
	rules, ok := schema.(map[string]any)
	if f.steps++; !ok || depth > maxSchemaDepth || f.steps > maxSchemaSteps {
		return
	}
	if rules["writeOnly"] == true {
		f.found[path] = true
		return
	}
	for other := range applied(f.root, rules) {
		f.walk(other, path, depth+1)
	}
	properties, _ := rules["properties"].(map[string]any)
	for name, rule := range properties {
		if path != "" {
			name = path + "." + name
		}
		f.walk(rule, name, depth+1)
	}
	f.walk(rules["items"], path+"[]", depth+1)
}
