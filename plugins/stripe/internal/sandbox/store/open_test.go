package store

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileThatIsNoStateOfThisVersionIsLeftAsItIs(t *testing.T) {
	write := func(statements string) func(path string) error {
		return func(path string) error {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				return err
			}
			_, err = db.ExecContext(t.Context(), statements+"CREATE TABLE objects (x); INSERT INTO objects VALUES ('mine');")
			if ended := db.Close(); err == nil {
				err = ended
			}
			return err
		}
	}
	for name, test := range map[string]struct {
		make func(path string) error
		want string
	}{
		"of a newer Backflow": {write("PRAGMA user_version = 99; "), "version 99"},
		"of another program":  {write(""), "version 0"},
		"no database":         {func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("mine", 1000)), 0o600) }, "not a database"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, FileName)
			if err := test.make(path); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), dir)
			if err == nil {
				t.Fatal("it was opened", s.Close())
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
			if raw, err := os.ReadFile(path); err != nil || !strings.Contains(string(raw), "mine") {
				t.Errorf("what was in it is lost (%v)", err)
			}
		})
	}
}

func TestTheStateIsInItsFolderWhateverItIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "is it? 100%20 #1")
	for range 2 {
		s, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		change(t, s, func(tx *Tx) { tx.Set("times", tx.Setting("times")+"x") })
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	change(t, s, func(tx *Tx) {
		if got := tx.Setting("times"); got != "xx" {
			t.Errorf("%q was kept", got)
		}
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
