//go:build unix

package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// A plugin of a killed gateway ends a moment after it, and may make its socket
// until then.
func TestADirectoryIsNeverLeftWithoutItsLock(t *testing.T) {
	t.Parallel()
	for round := range 200 {
		path := filepath.Join(t.TempDir(), "bf-1")
		child := filepath.Join(path, strconv.Itoa(round))
		for _, dir := range []string{path, child} {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(path, lockName), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var plugin sync.WaitGroup
		begun := make(chan struct{})
		plugin.Go(func() {
			for i := range 200 {
				// It fails once the directory is gone, as it should.
				if os.Mkdir(filepath.Join(child, strconv.Itoa(i)), 0o700) != nil {
					return
				}
				if i == 0 {
					close(begun)
				}
			}
		})
		<-begun
		failed := remove(path)
		plugin.Wait()
		_, err := os.Stat(path)
		_, errLock := os.Stat(filepath.Join(path, lockName))
		if !errors.Is(err, fs.ErrNotExist) && errLock != nil {
			t.Fatalf("round %d: %s is left without its lock (%v)", round, path, failed)
		}
		if err := remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
