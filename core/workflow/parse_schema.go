package workflow

import (
	"encoding/json"
	"errors"

	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/value"
)

// schema reads a member that is a JSON Schema; nil where it is absent.
func (p *parser) schema(members map[string]any, key string) (*schema.Schema, json.RawMessage) {
	v, given := members[key]
	if !given {
		return nil, nil
	}
	if _, ok := v.(map[string]any); !ok {
		p.fault("/"+key, "", "%s must be a JSON Schema, an object, not %s", key, value.KindOf(v))
		return nil, nil
	}
	raw, err := value.Marshal(v)
	if err != nil {
		p.fault("/"+key, "", "%v", err)
		return nil, nil
	}
	compiled, err := schema.Compile(raw)
	var invalid *schema.InvalidError
	if errors.As(err, &invalid) {
		for _, f := range invalid.Faults {
			p.fault("/"+key+f.Pointer, f.Hint, "%s is no valid JSON Schema: %s", key, f.Message)
		}
		return nil, nil
	}
	if err != nil {
		p.fault("/"+key, "", "%s is no valid JSON Schema: %v", key, err)
		return nil, nil
	}
	return compiled, raw
}
