package plugin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk/manifest"
)

const (
	// FilePrefix is what the file name of a process plugin begins with.
	FilePrefix = "backflow-plugin-"
	// FileSuffix is what that of a WASM plugin ends with.
	FileSuffix = ".wasm"
)

// IsWASM reports whether a file is a WASM plugin, by its name.
func IsWASM(path string) bool { return strings.HasSuffix(path, FileSuffix) }

// NameOf returns which plugin a file in a plugin directory is, by the file's name
// without its directory. ok is false if a plugin's file has no such name.
func NameOf(file string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(file, FilePrefix); ok {
		return name, manifest.ValidName(name)
	}
	name, ok = strings.CutSuffix(file, FileSuffix)
	return name, ok && manifest.ValidName(name)
}

// Discover finds the plugins in dirs: files that are named FilePrefix and a valid
// name, or a valid name and FileSuffix. Everything else in a directory is ignored.
// The result is sorted by name. Two files for one name are an error that names both;
// all errors are returned at once. A file that cannot be executed is found too, so
// that its start fails by name and reason instead of the plugin being unknown.
func Discover(dirs []string) ([]Spec, error) {
	var specs []Spec
	var faults []error
	seen := make(map[string]string)
	for _, dir := range dirs {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			faults = append(faults, fmt.Errorf("plugin directory %s: %w", dir, err))
			continue
		}
		entries, err := os.ReadDir(absolute)
		if err != nil {
			faults = append(faults, fmt.Errorf("plugin directory: %w", err))
			continue
		}
		for _, entry := range entries {
			name, found := NameOf(entry.Name())
			if !found {
				continue
			}
			path := filepath.Join(absolute, entry.Name())
			// Stat and not entry.Type, because a link to a plugin is a plugin.
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				continue
			}
			if other, twice := seen[name]; twice {
				if other != path {
					faults = append(faults, fmt.Errorf("plugin %q is there twice: %s and %s", name, other, path))
				}
				continue
			}
			seen[name] = path
			specs = append(specs, Spec{Name: name, Path: path})
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	slices.SortFunc(specs, func(a, b Spec) int { return strings.Compare(a.Name, b.Name) })
	return specs, nil
}
