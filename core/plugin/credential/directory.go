package credential

import (
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Directories returns the folders that the credentials name, where the schema says
// that a text is one: absolute, sorted, each once.
func Directories(manifest *sdk.Manifest, raw json.RawMessage, baseDir string) []string {
	if len(manifest.Credentials) == 0 || len(raw) == 0 {
		return nil
	}
	given, err := value.Parse(raw)
	if err != nil {
		return nil // it has been checked before
	}
	var found []string
	w := walker{visit: func(rules map[string]any, given any, _ string, required bool) {
		if text, isText := given.(string); isText && required && text != "" && rules["format"] == FormatDirectory {
			if !filepath.IsAbs(text) {
				text = filepath.Join(baseDir, text)
			}
			found = append(found, filepath.Clean(text))
		}
	}}
	w.walk(manifest.Credentials, given)
	slices.Sort(found)
	return slices.Compact(found)
}
