package main

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"

	"github.com/backflow/backflow/core/plugin"
)

// sources are what a config is made of: its files, and the plugins that lie in its
// directories.
type sources struct {
	files []string
	// dirs are where plugins are found.
	dirs []string
	// known are the plugins that run already: when the file of one changes, its
	// supervisor takes care of that.
	known map[string]bool
}

func (l *loaded) findSources() sources {
	s := sources{files: l.config.Files, dirs: l.pluginDirs(), known: make(map[string]bool, len(l.specs))}
	for _, spec := range l.specs {
		s.known[spec.Path] = true
	}
	return s
}

// directories answers what to watch to hear of every change.
func (s sources) directories() []string {
	dirs := slices.Clone(s.dirs)
	for _, file := range s.files {
		dirs = append(dirs, filepath.Dir(file))
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// sum changes when a file of the config does, unreadable ones included, or when a
// plugin appears, grows or goes.
func (s sources) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, file := range s.files {
		data, err := os.ReadFile(file)
		note(h, file, err != nil, len(data))
		// Writing to a hash never fails.
		_, _ = h.Write(data)
	}
	for _, dir := range s.dirs {
		entries, err := os.ReadDir(dir)
		note(h, dir, err != nil)
		for _, entry := range entries {
			if _, found := plugin.NameOf(entry.Name()); !found {
				continue
			}
			path, err := filepath.Abs(filepath.Join(dir, entry.Name()))
			note(h, path, err != nil)
			if info, err := os.Stat(path); err == nil && !s.known[path] {
				note(h, info.Size(), info.ModTime().UnixNano(), info.Mode())
			}
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// note writes values into a hash so that no two lists of them are the same text.
func note(h hash.Hash, values ...any) {
	for _, value := range values {
		_, _ = fmt.Fprintf(h, "%v\x00", value)
	}
}
