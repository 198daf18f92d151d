// Package schema holds the JSON Schemas (2020-12) of the plugin's params.
//
// They are derived from Stripe's own OpenAPI description of API version
// 2023-10-16, not typed by hand: package derive makes them, go generate writes
// them here, and a test holds them against the description. So the plugin
// carries a few files instead of parsing six megabytes at every start.
//
// The package knows nothing of calls or of the gateway.
//
// The package imports nothing of the project.
package schema

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
)

//go:generate go run ./generate -dir params

//go:embed params/*.json
var files embed.FS

// Params returns the schema of an action's params, compact. The error says
// that there is no such action.
func Params(action string) (json.RawMessage, error) {
	raw, err := files.ReadFile("params/" + action + ".json")
	if err != nil {
		return nil, fmt.Errorf("schema of %q: %w", action, err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, fmt.Errorf("schema of %q: %w", action, err)
	}
	return compact.Bytes(), nil
}
