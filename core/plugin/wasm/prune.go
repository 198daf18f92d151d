package wasm

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
	// keepBytes is the bound on all that is kept.
	keepBytes = 1 << 30
	// keepWork is after how long an entry in the making was left behind by a
	// gateway that was killed.
	keepWork = time.Hour

	workPrefix = "new-"
)

// volume is what prune knows of an entry.
type volume struct {
	path string
	used time.Time
	size int64
}

// prune removes the entries that were not used for long, and as many of those
// used longest ago as exceed the bound, but for the one just made. What another
// gateway loads meanwhile it makes again, and what runs is in memory.
func (s *shelf) prune(fresh string) error {
	dirs, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("prune compiled modules: %w", err)
	}
	var entries []volume
	var total int64
	for _, dir := range dirs {
		v, err := measure(filepath.Join(s.dir, dir.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another gateway prunes as well
		}
		if err != nil {
			return fmt.Errorf("prune compiled modules: %w", err)
		}
		if v.path == fresh {
			v.used = s.now()
		}
		total += v.size
		entries = append(entries, v)
	}
	slices.SortFunc(entries, func(a, b volume) int { return a.used.Compare(b.used) })
	for _, v := range entries {
		unused := s.now().Sub(v.used)
		left := strings.HasPrefix(filepath.Base(v.path), workPrefix)
		if v.path == fresh || left && unused < keepWork || !left && unused < keepUnused && total <= s.bound {
			continue
		}
		if err := os.RemoveAll(v.path); err != nil {
			return fmt.Errorf("prune compiled modules: %w", err)
		}
		total -= v.size
	}
	return nil
}

// measure answers an entry's size and when it was last used.
func measure(path string) (volume, error) {
	info, err := os.Stat(path)
	if err != nil {
		return volume{}, err
	}
	v := volume{path: path, used: info.ModTime()}
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			v.size += info.Size()
		}
		return err
	})
	return v, err
}
