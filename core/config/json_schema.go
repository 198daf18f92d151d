package config

import "encoding/json"

// Schema answers the JSON Schema (2020-12) of a config file. It says what can
// be said without reading other files: which keys there are, and their types.
func Schema() []byte {
	root := declaration().description
	schema := root.asJSONSchema()
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Backflow config"
	// Maps of strings, numbers and maps cannot fail to encode.
	out, _ := json.MarshalIndent(schema, "", "  ")
	return append(out, '\n')
}

// jsonSchema answers the schema of a described value. Keys that this version
// refuses are not in it.
func (d description) asJSONSchema() map[string]any {
	switch {
	case d.keys != nil:
		properties, required := map[string]any{}, []string{}
		for _, p := range d.keys {
			if p.unsupported {
				continue
			}
			property := p.asJSONSchema()
			property["description"] = p.doc
			if p.def != "" && p.description.keys == nil {
				property["default"] = json.RawMessage(p.def)
			}
			properties[p.name] = property
			if p.required {
				required = append(required, p.name)
			}
		}
		schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
		if len(required) > 0 {
			schema["required"] = required
		}
		return schema
	case d.items != nil:
		return map[string]any{"type": "array", "items": d.items.asJSONSchema()}
	case d.values != nil:
		return map[string]any{"type": "object", "additionalProperties": d.values.asJSONSchema()}
	default:
		schema := make(map[string]any, len(d.jsonSchema))
		for k, v := range d.jsonSchema {
			schema[k] = v
		}
		return schema
	}
}
