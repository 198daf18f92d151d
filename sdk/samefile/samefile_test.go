package samefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/backflow/backflow/sdk/samefile"
)

func write(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(name, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatLostItsNameIsFound(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	first, late, link := filepath.Join(dir, "first"), filepath.Join(dir, "late"), filepath.Join(dir, "link")
	write(t, first)
	if err := os.Symlink(first, link); err != nil {
		t.Fatal(err)
	}
	set, err := samefile.Of(first, late, link)
	if err != nil {
		t.Fatal(err)
	}
	sound := func(when string) {
		t.Helper()
		if _, err := set.Check(); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	changed := func(when, name string, removed bool) {
		t.Helper()
		_, err := set.Check()
		if c, ok := errors.AsType[*samefile.ChangedError](err); !ok || c.Name != name || c.Removed != removed {
			t.Errorf("%s: %v", when, err)
		}
	}
	sound("without the file that comes late")
	write(t, late)
	if found, err := set.Check(); err != nil || found[1] == nil || found[1].Size() != 4 {
		t.Errorf("the file that came late: %v, %v", found, err)
	}
	rename(t, late, late+".aside")
	changed("renamed", late, true)
	if set.Owns(1) || !set.Owns(0) {
		t.Error("who owns its name is told wrong")
	}
	write(t, late)
	changed("another in its place", late, false)
	rename(t, late+".aside", late)
	sound("put back")
	write(t, first)
	sound("written anew in place")

	write(t, first+".other")
	if err := errors.Join(os.Remove(link), os.Symlink(first+".other", link)); err != nil {
		t.Fatal(err)
	}
	changed("a link that leads elsewhere", link, false)
	rename(t, dir, dir+".aside")
	changed("without the directory", first, true)
	write(t, dir)
	if _, err := set.Check(); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file in place of the directory: %v", err)
	}
}
