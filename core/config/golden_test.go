package config

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write golden files and the reference in docs/configuration.md")

// archive returns options that see nothing but files, which are below /etc/backflow,
// and variables.
func archive(files map[string]string, env map[string]string) Options {
	disk := fstest.MapFS{}
	for name, data := range files {
		disk[filepath.Join("etc/backflow", name)] = &fstest.MapFile{Data: []byte(data)}
	}
	in := func(path string) string { return strings.TrimPrefix(path, "/") }
	return Options{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		ReadFile:  func(path string) ([]byte, error) { return fs.ReadFile(disk, in(path)) },
		glob: func(pattern string) ([]string, error) {
			matches, err := fs.Glob(disk, in(pattern))
			for i := range matches {
				matches[i] = "/" + matches[i]
			}
			return matches, err
		},
		exists:      func(path string) bool { info, err := fs.Stat(disk, in(path)); return err == nil && !info.IsDir() },
		isDirectory: func(path string) bool { info, err := fs.Stat(disk, in(path)); return err == nil && info.IsDir() },
	}.withDefaults()
}

// loadText loads a config of one file.
func loadText(t *testing.T, text string, env map[string]string, change ...func(*Options)) (*Config, error) {
	t.Helper()
	o := archive(map[string]string{"config.json": text}, env)
	for _, c := range change {
		c(&o)
	}
	return load("config.json", "/etc/backflow", o)
}

// TestFaultsSayWhereAndWhatToDo loads every archive of testdata: its files, with
// "env" holding lines NAME=value and "faults" what is expected.
func TestFaultsSayWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files, env, main, want := map[string]string{}, map[string]string{}, "", ""
			for _, f := range a.Files {
				switch f.Name {
				case "env":
					for line := range strings.Lines(string(f.Data)) {
						name, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
						env[name] = v
					}
				case "faults":
					want = string(f.Data)
				default:
					if main == "" {
						main = f.Name
					}
					files[f.Name] = string(f.Data)
				}
			}
			_, err = load(main, "/etc/backflow", archive(files, env))
			got := "none\n"
			if err != nil {
				got = err.Error() + "\n"
			}
			if *update {
				kept := a.Files[:0]
				for _, f := range a.Files {
					if f.Name != "faults" {
						kept = append(kept, f)
					}
				}
				a.Files = append(kept, txtar.File{Name: "faults", Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			for _, v := range env {
				if len(v) > 3 && strings.Contains(got, v) {
					t.Errorf("a fault holds the value of a variable")
				}
			}
		})
	}
}
