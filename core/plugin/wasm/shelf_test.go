package wasm

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// ask launches a file and answers what it answers.
func ask(t *testing.T, l *Launcher, file string) string {
	t.Helper()
	i, err := l.Launch(t.Context(), plugin.Spec{Name: "tiny", Path: file}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Error(err)
		return ""
	}
	result, err := i.Execute(t.Context(), time.Now().Add(time.Minute), sdk.Call{Action: "any"})
	if err != nil {
		t.Error(err)
	}
	if err := i.Close(context.Background()); err != nil {
		t.Error(err)
	}
	return string(result.Body)
}

// write makes a file with a module.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, tiny(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// entries answers the entries of a directory of machine code.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestMachineCodeIsTakenFromTheDirectory(t *testing.T) {
	dir, file := t.TempDir(), write(t, "a.wasm", `"a"`)
	var before os.FileInfo
	for range 3 {
		if got := ask(t, NewLauncher(dir), file); got != `"a"` {
			t.Fatalf("got %s", got)
		}
		kept := entries(t, dir)
		if len(kept) != 1 {
			t.Fatalf("the directory holds %q", kept)
		}
		_, now, err := machineCode(kept[0])
		if err != nil || before != nil && !os.SameFile(before, now) {
			t.Fatalf("it was compiled again: %v", err)
		}
		before = now
	}
}

// A file of machine code has too long a path, its directory has not: wazero fails
// as it does on a full disk.
func TestAModuleRunsWhereItsMachineCodeCannotBeWritten(t *testing.T) {
	longest := 4096 // with the zero at its end
	if runtime.GOOS == "darwin" {
		longest = 1024
	}
	dir := t.TempDir()
	for left := longest - 60 - len(dir); left > 1; left = longest - 60 - len(dir) {
		dir = filepath.Join(dir, strings.Repeat("d", min(left-1, 200)))
	}
	if got := ask(t, NewLauncher(dir), write(t, "a.wasm", `"a"`)); got != `"a"` {
		t.Errorf("got %s", got)
	}
	if kept := entries(t, dir); len(kept) != 0 {
		t.Errorf("the directory holds %q", kept)
	}
}

func TestDamagedMachineCodeIsMadeAgain(t *testing.T) {
	file := write(t, "a.wasm", `"a"`)
	code := func(t *testing.T, entry string) string {
		name, _, err := machineCode(entry)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	change := func(t *testing.T, path string, how func([]byte) []byte) {
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, how(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(t *testing.T, entry string){
		"no code": func(t *testing.T, entry string) {
			if err := os.Remove(code(t, entry)); err != nil {
				t.Fatal(err)
			}
		},
		"torn code": func(t *testing.T, entry string) {
			change(t, code(t, entry), func(b []byte) []byte { return b[:len(b)/2] })
		},
		"other code": func(t *testing.T, entry string) {
			change(t, code(t, entry), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		},
		"code of another version": func(t *testing.T, entry string) {
			change(t, code(t, entry), func(b []byte) []byte { b[8] ^= 1; return b })
		},
		"code for another processor": func(t *testing.T, entry string) {
			if err := os.Rename(code(t, entry), code(t, entry)[:len(code(t, entry))-1]); err != nil {
				t.Fatal(err)
			}
		},
		"no skeleton": func(t *testing.T, entry string) {
			if err := os.Remove(filepath.Join(entry, skeletonFile)); err != nil {
				t.Fatal(err)
			}
		},
		"empty skeleton": func(t *testing.T, entry string) {
			change(t, filepath.Join(entry, skeletonFile), func([]byte) []byte { return nil })
		},
		"other skeleton": func(t *testing.T, entry string) {
			change(t, filepath.Join(entry, skeletonFile), func([]byte) []byte { return tiny(`"b"`) })
		},
		"an empty entry": func(t *testing.T, entry string) {
			if err := os.RemoveAll(entry); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(entry, 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ask(t, NewLauncher(dir), file)
			damage(t, entries(t, dir)[0])
			for range 2 {
				if got := ask(t, NewLauncher(dir), file); got != `"a"` {
					t.Errorf("got %q", got)
				}
			}
			kept := entries(t, dir)
			if len(kept) != 1 {
				t.Fatalf("the directory holds %q", kept)
			}
			if bare, err := os.ReadFile(filepath.Join(kept[0], skeletonFile)); err != nil || strings.Contains(string(bare), `"b"`) {
				t.Errorf("the entry was not made again: %v", err)
			}
			if _, _, err := machineCode(kept[0]); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnusedMachineCodeIsRemoved(t *testing.T) {
	dir := t.TempDir()
	begin := time.Now()
	now := begin
	launcher := NewLauncher(dir)
	launcher.modules.shelf.now = func() time.Time { return now }
	left := filepath.Join(dir, workPrefix+"left")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	old, used := write(t, "old.wasm", `"old"`), write(t, "used.wasm", `"used"`)
	ask(t, launcher, old)
	ask(t, launcher, used)
	if _, err := os.Stat(left); err != nil {
		t.Error("what another gateway makes was removed")
	}
	now = begin.Add(20 * 24 * time.Hour)
	ask(t, launcher, used)
	now = begin.Add(31 * 24 * time.Hour)
	ask(t, launcher, write(t, "new.wasm", `"new"`))
	if kept := entries(t, dir); len(kept) != 2 {
		t.Errorf("the directory holds %q", kept)
	}

	// The bound on all: only what was made last stays.
	launcher.modules.shelf.bound = 1
	last := write(t, "last.wasm", `"last"`)
	ask(t, launcher, last)
	kept := entries(t, dir)
	if len(kept) != 1 {
		t.Fatalf("the directory holds %q", kept)
	}
	_, before, err := machineCode(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	ask(t, launcher, last)
	if _, after, err := machineCode(kept[0]); err != nil || !os.SameFile(before, after) {
		t.Errorf("what was made last was removed: %v", err)
	}
}

func TestGatewaysShareADirectoryOfMachineCode(t *testing.T) {
	dir := t.TempDir()
	files := []string{write(t, "a.wasm", `"a"`), write(t, "b.wasm", `"b"`), write(t, "c.wasm", `"c"`)}
	var gateways sync.WaitGroup
	for range 4 {
		gateways.Go(func() {
			launcher := NewLauncher(dir)
			// Each removes what the others have just made.
			launcher.modules.shelf.bound = 1
			for n := range 30 {
				file := files[n%len(files)]
				if got, want := ask(t, launcher, file), `"`+strings.TrimSuffix(filepath.Base(file), ".wasm")+`"`; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
	gateways.Wait()
}

func TestPluginWorksWhereNothingCanBeKept(t *testing.T) {
	file := write(t, "a.wasm", `"a"`)
	// A file where the directory would be.
	if got := ask(t, NewLauncher(file), file); got != `"a"` {
		t.Errorf("got %s", got)
	}
}

func TestDirectoryOfMachineCodeIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if err := os.Mkdir(dir, 0o777); err != nil { // as someone careless made it
		t.Fatal(err)
	}
	ask(t, NewLauncher(dir), write(t, "a.wasm", `"a"`))
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
