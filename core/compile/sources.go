package compile

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"

	"github.com/backflow/backflow/core/plugin"
)

// Sources are what a plan is made from: the files of the config, and the plugins
// in its directories.
type Sources struct {
	// Files are the files of the config.
	Files []string
	// PluginDirs are where plugins are found.
	PluginDirs []string
	// known are the paths of plugins that run already: when the file of one
	// changes, its supervisor takes care of that.
	known map[string]bool
}

func (p *Plan) findSources() Sources {
	s := Sources{Files: p.Config.Files, PluginDirs: p.pluginDirs(), known: make(map[string]bool, len(p.Plugins))}
	for _, spec := range p.Plugins {
		s.known[spec.Path] = true
	}
	return s
}

// Directories returns what to watch to see every change.
func (s Sources) Directories() []string {
	dirs := slices.Clone(s.PluginDirs)
	for _, file := range s.Files {
		dirs = append(dirs, filepath.Dir(file))
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// Sum is a checksum that changes when a file of the config changes, becomes
// readable or unreadable, or when a plugin appears, changes or disappears.
func (s Sources) Sum() [sha256.Size]byte {
	h := sha256.New()
	for _, file := range s.Files {
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

// hashValues writes values into a hash, separated, so that different lists
// differ.
func hashValues(h hash.Hash, values ...any) {
	for _, value := range values {
		_, _ = fmt.Fprintf(h, "%v\x00", value)
	}
}
