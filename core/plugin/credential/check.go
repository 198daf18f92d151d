package credential

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/value"
)

// FormatDirectory is the format of a string, in a schema of credentials, that
// names a folder: absolute or relative to the config file. The gateway checks that
// the folder exists, since the plugin can do so only once it is configured, and
// starts the plugin anew when a file in it changes.
const FormatDirectory = "directory-path"

// Check checks the config's entry under "credentials" against the schema that
// the plugin publishes. raw is nil or empty where the config has none. baseDir is
// the directory of the config file. Secrets must be neither empty nor surrounded
// by white space, and folders must exist. The faults never repeat a value.
func Check(manifest *sdk.Manifest, raw json.RawMessage, baseDir string) []sdk.Fault {
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
	faults := compiled.Faults(given)
	w := walker{visit: func(rules map[string]any, given any, pointer string, required bool) {
		text, isText := given.(string)
		problem := ""
		switch {
		case !isText:
		case rules["writeOnly"] == true && text == "":
			problem = "is empty"
		case rules["writeOnly"] == true && strings.TrimSpace(text) != text:
			problem = "is surrounded by white space"
		case required && rules["format"] == FormatDirectory:
			problem = directoryProblem(text, baseDir)
		}
		reported := slices.ContainsFunc(faults, func(f sdk.Fault) bool {
			return f.Pointer == pointer && (text == "" || f.Message == problem) // a schema has its own words for an empty text
		})
		if problem != "" && !reported {
			faults = append(faults, sdk.Fault{Pointer: pointer, Message: problem})
		}
	}}
	w.walk(manifest.Credentials, given)
	return faults
}

// directoryProblem says what is wrong with a path that must name a folder. It
// returns "" when nothing is wrong.
func directoryProblem(path, baseDir string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(baseDir, path)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such folder"
	case err != nil:
		return "the folder cannot be read"
	case !info.IsDir():
		return "is not a folder"
	}
	return ""
}

// Describe writes the faults in the credentials of one plugin, by its name, as a
// sentence that an operator can act upon.
func Describe(name string, faults []sdk.Fault) string {
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
