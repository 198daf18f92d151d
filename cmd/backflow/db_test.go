package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/backflow/backflow/core/config"
)

// TestTheDatabaseThatAConfigDoesNotPlaceIsTheOneThatWasUsed: of serve beside the config,
// else of dev where that has run the config.
func TestTheDatabaseThatAConfigDoesNotPlaceIsTheOneThatWasUsed(t *testing.T) {
	project, work := t.TempDir(), t.TempDir()
	t.Chdir(work)
	file := filepath.Join(project, "backflow.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	plan, err := (&program{lookupEnv: os.LookupEnv}).load(file, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wd, err := filepath.Abs(devDir)
	if err != nil {
		t.Fatal(err)
	}
	is := func(when string, dev bool, want string) {
		t.Helper()
		if got, err := checkedDataDir(plan, dev); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", when, got, err, want)
		}
	}
	served := filepath.Join(project, "data")
	is("neither has run", false, served)
	is("neither has run, --dev", true, wd)
	if _, err := makeDevDir(); err != nil {
		t.Fatal(err)
	}
	if err := (devState{Config: filepath.Join(work, "other.json")}).write(wd); err != nil {
		t.Fatal(err)
	}
	is("dev has run another config", false, served)
	if err := (devState{Config: file}).write(wd); err != nil {
		t.Fatal(err)
	}
	is("dev has run it", false, wd)
	if err := os.Mkdir(served, 0o700); err != nil {
		t.Fatal(err)
	}
	is("both have run it", false, served)
	is("both have run it, --dev", true, wd)
}
