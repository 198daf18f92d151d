package sample

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// fixture returns one object of Stripe's fixtures file under a new id, which
// also takes the old one's place in what refers to it. Its numbers are
// json.Number, so that they stay as they are written there.
func fixture(fixtures []byte, resource, id string) (object, error) {
	var file struct {
		Resources map[string]json.RawMessage `json:"resources"`
	}
	if err := json.Unmarshal(fixtures, &file); err != nil {
		return nil, fmt.Errorf("read fixtures: %w", err)
	}
	raw := file.Resources[resource]
	var named struct{ ID string }
	if err := json.Unmarshal(raw, &named); err != nil || named.ID == "" {
		return nil, fmt.Errorf("fixture %q has no id", resource)
	}
	value, err := decode(bytes.ReplaceAll(raw, []byte(named.ID), []byte(id)))
	if err != nil {
		return nil, fmt.Errorf("read fixture %q: %w", resource, err)
	}
	found, ok := value.(object)
	if !ok {
		return nil, fmt.Errorf("fixture %q is not an object", resource)
	}
	return found, nil
}
