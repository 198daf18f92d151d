package plugin

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/core/schema"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// FormatDirectory is the format, of a string in a schema of credentials, that
// names a folder: absolute or relative to the config file. The gateway makes
// sure that it is there, since the plugin can do so only once it is configured.
const FormatDirectory = "directory-path"

// CheckCredentials checks the config's entry under "credentials" against the
// schema that the plugin publishes; raw is nil or empty where the config has
// none, baseDir is that of the config file. Secrets are neither empty nor
// surrounded by white space, and folders are there. The faults never repeat a
// value.
func CheckCredentials(manifest *sdk.Manifest, raw json.RawMessage, baseDir string) []sdk.Fault {
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
	visitor := visitor{visit: func(rules map[string]any, given any, pointer string, sure bool) {
		text, isText := given.(string)
		problem := ""
		switch {
		case !isText:
		case rules["writeOnly"] == true && text == "":
			problem = "is empty"
		case rules["writeOnly"] == true && strings.TrimSpace(text) != text:
			problem = "is surrounded by white space"
		case sure && rules["format"] == FormatDirectory:
			problem = directoryProblem(text, baseDir)
		}
		told := slices.ContainsFunc(faults, func(f sdk.Fault) bool {
			return f.Pointer == pointer && (text == "" || f.Message == problem) // a schema has its own words for an empty text
		})
		if problem != "" && !told {
			faults = append(faults, sdk.Fault{Pointer: pointer, Message: problem})
		}
	}}
	visitor.walk(manifest.Credentials, given)
	return faults
}

// directoryProblem says what is wrong with a path that names a folder; "" if
// nothing is.
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

// describeFaults writes faults as a sentence that an operator can act upon.
func describeFaults(name string, faults []sdk.Fault) string {
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

// SecretValues answers the texts in the credentials that must never be shown:
// those that the schema marks writeOnly, and passwords inside URLs.
func SecretValues(schema, credentials json.RawMessage) []string {
	if len(schema) == 0 || len(credentials) == 0 {
		return nil
	}
	given, err := value.Parse(credentials)
	if err != nil {
		return nil // it has been checked before
	}
	var found []string
	visitor := visitor{visit: func(rules map[string]any, given any, _ string, _ bool) {
		if rules["writeOnly"] == true {
			found = texts(given, found)
		}
	}}
	if !visitor.walk(schema, given) {
		found = texts(given, nil) // rather all than one too few
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
