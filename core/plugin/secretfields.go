package plugin

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/backflow/backflow/core/value"
)

// SecretFields answers the fields that a schema of credentials marks writeOnly,
// sorted, as people write a config path: "secretKey", "tls.key", "tokens[]".
func SecretFields(schema json.RawMessage) []string {
	root, err := value.Parse(schema)
	if err != nil {
		return nil // no schema, or one that Validate refuses
	}
	finder := fieldFinder{root: root, found: make(map[string]bool)}
	finder.walk(root, "", 0)
	return slices.Sorted(maps.Keys(finder.found))
}

// maxSchemaSteps ends the walk through a schema that refers to itself in more
// ways than one.
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
	for other := range besides(f.root, rules) {
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
