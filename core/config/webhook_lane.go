package config

// placementSchema declares an order or a lane. What its templates and values mean is
// checked with the webhook's actions.
func placementSchema(typ string, jsonSchema map[string]any) schema[Definition] {
	return schema[Definition]{
		description: description{typ: typ, jsonSchema: jsonSchema},
		decode: func(v value, into *Definition) {
			*into = Definition{Raw: v.node.JSON(), Node: v.node}
		},
	}
}

// orderedSchema declares the order of a webhook's events.
func orderedSchema() schema[Definition] {
	key := map[string]any{"type": "string", "minLength": 1}
	return placementSchema("template or object", map[string]any{"anyOf": []any{key, map[string]any{
		"type": "object", "required": []string{"key"}, "additionalProperties": false,
		"properties": map[string]any{"key": key, "blockFor": map[string]any{"type": "string"}},
	}}})
}

// laneSchema declares the lane of a webhook's events.
func laneSchema() schema[Definition] {
	return placementSchema("object", map[string]any{
		"type": "object", "additionalProperties": false,
		"anyOf": []any{map[string]any{"required": []string{"concurrency"}}, map[string]any{"required": []string{"rate"}}},
		"properties": map[string]any{
			"key":         map[string]any{"type": "string", "minLength": 1},
			"concurrency": map[string]any{"type": "integer", "minimum": 1},
			"rate":        map[string]any{"type": "string", "pattern": "^[1-9][0-9]*/[smh]$"},
		},
	})
}
