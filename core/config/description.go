package config

import "encoding/json"

// description is what a declaration says of a value without decoding it: the
// reference and the JSON Schema are made of it.
type description struct {
	typ        string         // the word of the reference, such as "duration"
	jsonSchema map[string]any // JSON Schema of a value without keys, items or values
	secret     bool           // {{env.X}} and {{file:PATH}} are expanded
	keys       []property     // an object's known keys, in the order of the reference
	items      *description   // of an array's elements
	values     *description   // of an object's values where its keys are the user's
}

// property is one known key of an object.
type property struct {
	name string
	doc  string // one or two sentences of Markdown
	def  string // the default as JSON; "" is the zero value
	// required: its absence is a fault. unsupported: the key belongs to Backflow,
	// but this version refuses it.
	required, unsupported bool
	description
}

// asJSONSchema returns the schema of a described value. Keys that this version
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
