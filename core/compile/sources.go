package compile

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
)

// Sources are what a plan is made from: the files of the config, and the plugins
// in its directories.
type Sources struct {
	// Files are the files of the config.
	Files []string
	// Patterns are globs: what they match belongs to the config, now or later.
	Patterns []string
	// PluginDirs are where plugins are found.
	PluginDirs []string
	// known are the paths of plugins that run already: when the file of one
	// changes, its supervisor takes care of that.
	known map[string]bool
}

func (p *Plan) findSources() Sources {
	s := Sources{Files: p.Config.Files, Patterns: p.Config.Patterns, PluginDirs: p.pluginDirs(), known: make(map[string]bool, len(p.Plugins))}
	for _, spec := range p.Plugins {
		s.known[spec.Path] = true
	}
	return s
}

// Refused returns the sources of a plan that is not put in force, while s are those
// of the plan that is: what it is made from may still be mended, and the plugins
// that run are those of s.
func (s Sources) Refused(plan Sources) Sources {
	plan.known = s.known
	return plan
}

// Directories returns what to watch to see every change: those of all files, and
// those where a pattern may match another.
func (s Sources) Directories() []string {
	dirs := slices.Clone(s.PluginDirs)
	for _, file := range s.Files {
		dirs = append(dirs, filepath.Dir(file))
	}
	for _, pattern := range s.Patterns {
		// Each element of its directory may be a wildcard.
		for dir := filepath.Dir(pattern); strings.ContainsAny(dir, wildcards); dir = filepath.Dir(dir) {
			// A pattern that is not valid was a fault.
			matches, _ := config.Glob(dir)
			for _, match := range matches {
				if info, err := os.Stat(match); err == nil && info.IsDir() {
					dirs = append(dirs, match)
				}
			}
		}
		// The directory may be removed and come again, as when a branch is changed.
		if dir := fixedPart(pattern); len(s.Files) > 0 && within(dir, filepath.Dir(s.Files[0])) {
			for base := filepath.Dir(s.Files[0]); dir != base; dir = filepath.Dir(dir) {
				dirs = append(dirs, dir)
			}
		} else {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// wildcards are what makes a path a pattern of path/filepath.
const wildcards = `*?[\`

// fixedPart returns the deepest directory of a pattern above its wildcards.
func fixedPart(pattern string) string {
	for dir := pattern; ; dir = filepath.Dir(dir) {
		if !strings.ContainsAny(dir, wildcards) {
			return dir
		}
	}
}

// within reports whether an absolute directory is another or below it.
func within(dir, other string) bool {
	return dir == other || strings.HasPrefix(dir, strings.TrimSuffix(other, string(filepath.Separator))+string(filepath.Separator))
}

// Sum is a checksum that changes when a file of the config changes, becomes
// readable or unreadable, when a file appears or disappears that a pattern matches,
// or when a plugin appears, changes or disappears.
func (s Sources) Sum() [sha256.Size]byte {
	h := sha256.New()
	for _, file := range s.allFiles() {
		data, err := os.ReadFile(file)
		hashValues(h, file, err != nil, len(data))
		// Writing to a hash never fails.
		_, _ = h.Write(data)
	}
	for _, dir := range s.PluginDirs {
		entries, err := os.ReadDir(dir)
		hashValues(h, dir, err != nil)
		for _, entry := range entries {
			if _, found := plugin.NameOf(entry.Name()); !found {
				continue
			}
			path, err := filepath.Abs(filepath.Join(dir, entry.Name()))
			hashValues(h, path, err != nil)
			if info, err := os.Stat(path); err == nil && !s.known[path] {
				hashValues(h, info.Size(), info.ModTime().UnixNano(), info.Mode())
			}
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// allFiles returns the files of the config, and those that its patterns match now:
// one that was added has content too, and may be written in several steps.
func (s Sources) allFiles() []string {
	files := slices.Clone(s.Files)
	for _, pattern := range s.Patterns {
		matches, _ := config.Glob(pattern) // a pattern that is not valid was a fault
		files = append(files, matches...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// hashValues writes values into a hash, separated, so that different lists
// differ.
func hashValues(h hash.Hash, values ...any) {
	for _, value := range values {
		_, _ = fmt.Fprintf(h, "%v\x00", value)
	}
}
