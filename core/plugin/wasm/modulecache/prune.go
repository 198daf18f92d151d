package modulecache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// keepUnused is how long machine code is kept that no start has used.
	keepUnused = 30 * 24 * time.Hour
	// keepBytes bounds the size of all entries together.
	keepBytes = 1 << 30
	// keepWork is how long an unfinished entry is kept. An older one was left by a
	// gateway that was killed.
	keepWork = time.Hour

	workPrefix = "new-"
)

// entryInfo is what prune knows of an entry.
type entryInfo struct {
	path string
	used time.Time
	size int64
}

// prune removes the entries that were not used for long. While all entries
// together exceed the bound, it removes the one used longest ago, but never the
// one just made. If another gateway needs a removed entry, it makes it again. The
// code of modules in use is in memory.
func (d *diskCache) prune(fresh string) error {
	dirs, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("prune compiled modules: %w", err)
	}
	var entries []entryInfo
	var total int64
	for _, dir := range dirs {
		entry, err := readEntryInfo(filepath.Join(d.dir, dir.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another gateway prunes as well
		}
		if err != nil {
			return fmt.Errorf("prune compiled modules: %w", err)
		}
		if entry.path == fresh {
			entry.used = d.now()
		}
		total += entry.size
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, func(a, b entryInfo) int { return a.used.Compare(b.used) })
	for _, entry := range entries {
		unused := d.now().Sub(entry.used)
		unfinished := strings.HasPrefix(filepath.Base(entry.path), workPrefix)
		if entry.path == fresh || unfinished && unused < keepWork || !unfinished && unused < keepUnused && total <= d.maxBytes {
			continue
		}
		if err := os.RemoveAll(entry.path); err != nil {
			return fmt.Errorf("prune compiled modules: %w", err)
		}
		total -= entry.size
	}
	return nil
}

// readEntryInfo returns an entry's size and when it was last used.
func readEntryInfo(path string) (entryInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return entryInfo{}, err
	}
	entry := entryInfo{path: path, used: info.ModTime()}
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			entry.size += info.Size()
		}
		return err
	})
	return entry, err
}
