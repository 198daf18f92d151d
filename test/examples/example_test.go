package examples

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// directory is where the examples are, below the repository.
const directory = "configs/examples"

// example is a config with the commands that its first lines tell.
type example struct {
	name, text string
	// start is the command that starts a run; signal, if there is any, lets it
	// go on.
	start, signal []string
}

// examples reads all of them, by name.
func examples(t *testing.T) map[string]example {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(testkit.Root(), directory, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	found := map[string]example{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e := example{name: strings.TrimSuffix(filepath.Base(path), ".json"), text: string(text)}
		for line := range strings.Lines(e.text) {
			command, ok := strings.CutPrefix(line, "//   backflow ")
			if !ok {
				continue
			}
			args := words(strings.TrimSpace(command))
			switch strings.Join(args[:2], " ") {
			case "dev -c":
				if want := directory + "/" + filepath.Base(path); args[2] != want {
					t.Errorf("%s says -c %s", want, args[2])
				}
			case "workflow run":
				e.start = args
			case "runs signal":
				e.signal = args
			default:
				t.Errorf("%s: what is the command %q for?", e.name, command)
			}
		}
		if e.start == nil {
			t.Errorf("%s does not say how to start a run", e.name)
		}
		found[e.name] = e
	}
	return found
}

// words splits a command line as a shell does, as far as single quotes go.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

// with replaces the value of a flag.
func with(args []string, flag, value string) []string {
	changed := append([]string(nil), args...)
	for i := range changed {
		if changed[i] == flag {
			changed[i+1] = value
		}
	}
	return changed
}

// site is a directory with the example, as it lies in the repository.
func (e example) site(t *testing.T) *program.Site {
	t.Helper()
	s := program.NewSite(t, binaries)
	source := os.DirFS(filepath.Join(testkit.Root(), directory, "migrations"))
	if err := os.CopyFS(filepath.Join(s.Dir, directory, "migrations"), source); err != nil {
		t.Fatal(err)
	}
	s.WriteConfig("examples/"+e.name+".json", strings.ReplaceAll(e.text, `"../../bin/plugins"`, `"`+s.Plugins+`"`))
	return s
}

// outcome is what a run has come to.
type outcome struct {
	Status string
	Output any
	Error  struct{ Code string }
	Steps  []struct{ Path, Status string }
}

// lastLine reads the run that a command has printed at its end.
func lastLine(t *testing.T, stdout string) (id string, run outcome) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var named struct{ ID string }
	decode(t, lines[len(lines)-1], &named)
	decode(t, lines[len(lines)-1], &run)
	return named.ID, run
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}
