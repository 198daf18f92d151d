package plugin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/sdk/manifest"
)

// Spec says which plugin to run and how.
type Spec struct {
	// Name is the integration's name: what the file is called after its prefix.
	Name string
	// Path is the plugin's file, absolute.
	Path string
	// SHA256 pins the file: hex, checked before each start. Empty: not pinned.
	SHA256 string
	// RequirePinned refuses the plugin where it is not pinned.
	RequirePinned bool
	// Env is the whole environment of the plugin.
	Env map[string]string
	// Secrets are texts that are never shown, beside those that the credentials
	// hold: secret values in Env.
	Secrets []string
	// Timeout bounds each call, whatever the caller allows; zero means
	// DefaultTimeout.
	Timeout time.Duration
	// MaxConcurrency is how many calls run at once; zero means
	// DefaultMaxConcurrency.
	MaxConcurrency int
	// MemoryLimitMiB bounds the memory of a process, which is watched and killed
	// when it holds more, or of each guest of a WASM plugin. Zero means no limit for
	// a process, and DefaultMemoryLimitMiB for a guest.
	MemoryLimitMiB int
	// WASM is for WASM plugins alone.
	WASM WASM
}

// WASM is what there is to say about a plugin that runs as WASM.
type WASM struct {
	// AllowedHosts are all that the plugin's HTTP requests may go to.
	AllowedHosts []egress.Host
	// Deadline says what happens to a guest that overruns its time; empty means
	// DeadlineHard.
	Deadline Deadline
	// Instances bounds how many guests there are, which each take one call at a
	// time; zero leaves it to the transport.
	Instances int
}

// Deadline is what happens to a guest that overruns its time.
type Deadline string

const (
	// DeadlineHard: it is interrupted.
	DeadlineHard Deadline = "hard"
	// DeadlineSoft: its caller stops waiting, and it goes on until it returns or
	// calls the host. Its code runs faster, for it is not asked at each loop
	// whether it may go on.
	DeadlineSoft Deadline = "soft"
)

// The values that a Spec's zero fields stand for.
const (
	// DefaultTimeout is what frees a slot when neither caller nor config
	// bounds a call.
	DefaultTimeout        = 2 * time.Minute
	DefaultMaxConcurrency = 64
	// DefaultMemoryLimitMiB is room for a Go guest and results of some MiB.
	DefaultMemoryLimitMiB = 64
)

const (
	// FilePrefix is what the file name of a process plugin begins with.
	FilePrefix = "backflow-plugin-"
	// FileSuffix is what that of a WASM plugin ends with.
	FileSuffix = ".wasm"
)

// IsWASM reports whether a file is a WASM plugin, by its name.
func IsWASM(path string) bool { return strings.HasSuffix(path, FileSuffix) }

// NameOf answers which plugin a file in a plugin directory is, by the file's name
// without its directory. Ok is false for a file that is none by its name.
func NameOf(file string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(file, FilePrefix); ok {
		return name, manifest.ValidName(name)
	}
	name, ok = strings.CutSuffix(file, FileSuffix)
	return name, ok && manifest.ValidName(name)
}

// Discover finds the plugins in dirs: files that are named FilePrefix and a valid
// name, or a valid name and FileSuffix. Everything else in a directory is ignored.
// The answer is sorted by name. Two files of one name are an error that names both;
// all errors are answered at once. A file that cannot be executed is answered too,
// so that its start fails by name and reason instead of the plugin being unknown.
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
