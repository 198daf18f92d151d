// Package rules holds the architecture's rules about imports against what Go
// itself says of the packages, so that they are checked where no linter runs.
// .golangci.yml says the same for single imports, with the reasons.
package rules

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/backflow/backflow"

// rule says what packages must not depend on, directly or not.
type rule struct {
	name      string
	packages  string   // path below the module; packages under it are meant as well
	except    []string // of packages: paths below the module that are let off
	forbidden []string // import paths; what is under them is meant as well
}

var rules = []rule{
	{
		name:     "core knows no plugin and no vendor",
		packages: "core",
		forbidden: []string{module + "/plugins", module + "/cmd", "github.com/stripe", "github.com/jackc/pgx",
			"github.com/go-sql-driver/mysql"},
	},
	{
		name:      "of core, only core/state/sqlite knows SQLite",
		packages:  "core",
		except:    []string{"core/state/sqlite"},
		forbidden: []string{"modernc.org/sqlite"},
	},
	{
		name:      "sdk is below core and plugins",
		packages:  "sdk",
		forbidden: []string{module + "/core", module + "/plugins", module + "/cmd"},
	},
	{
		name:      "a plugin imports sdk only",
		packages:  "plugins",
		forbidden: []string{module + "/core", module + "/cmd"},
	},
	{
		name:      "an example of a plugin imports sdk only",
		packages:  "configs",
		forbidden: []string{module + "/core", module + "/plugins", module + "/cmd"},
	},
	{
		name:      "a plugin knows no other plugin: stripe",
		packages:  "plugins/stripe",
		forbidden: []string{module + "/plugins/database"},
	},
	{
		name:      "a plugin knows no other plugin: database",
		packages:  "plugins/database",
		forbidden: []string{module + "/plugins/stripe"},
	},
	{
		name:      "the Machine touches no store and calls no action",
		packages:  "core/workflow",
		forbidden: []string{module + "/core/state", module + "/core/action", module + "/core/engine", "github.com/redis"},
	},
	{
		name:     "the compiler knows no store, no plugin transport, no HTTP and no server",
		packages: "core/compile",
		forbidden: []string{module + "/core/server", module + "/core/gateway", module + "/core/state/sqlite", module + "/core/state/redis",
			module + "/core/plugin/process", module + "/core/plugin/wasm"},
	},
	{
		name:     "the server is given its store and its plugin transports",
		packages: "core/server",
		forbidden: []string{module + "/core/state/sqlite", module + "/core/state/redis", module + "/core/plugin/process",
			module + "/core/plugin/wasm", "modernc.org/sqlite", "github.com/redis", "github.com/tetratelabs/wazero"},
	},
	{
		name:      "the program carries no library for tests",
		packages:  "cmd",
		forbidden: []string{"go.uber.org/goleak", "pgregory.net/rapid", module + "/test", module + "/internal/testkit", module + "/core/state/statetest"},
	},
}

func TestImportsPointDown(t *testing.T) {
	packages := list(t, nil, "./cmd/...", "./configs/...", "./core/...", "./plugins/...", "./sdk/...")
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			matched := false
			for _, p := range packages {
				path := strings.TrimPrefix(p.ImportPath, module+"/")
				if !within(path, rule.packages) || slices.ContainsFunc(rule.except, func(except string) bool { return within(path, except) }) {
					continue
				}
				// Libraries for tests have no part in the program.
				if rule.packages != "cmd" && strings.HasSuffix(path, "test") {
					continue
				}
				matched = true
				for _, dependency := range p.Deps {
					if slices.ContainsFunc(rule.forbidden, func(f string) bool { return within(dependency, f) }) {
						t.Errorf("%s depends on %s", path, dependency)
					}
				}
			}
			if !matched {
				t.Errorf("there is no package below %s: the rule checks nothing", rule.packages)
			}
		})
	}
}

func TestAGuestCarriesNoGRPC(t *testing.T) {
	guest := list(t, []string{"GOOS=wasip1", "GOARCH=wasm"}, "./sdk")
	for _, dependency := range guest[0].Deps {
		if within(dependency, "google.golang.org/grpc") || within(dependency, "github.com/hashicorp/go-plugin") {
			t.Errorf("sdk depends on %s where a WASM guest compiles it", dependency)
		}
	}
}

// within reports whether path is root or under it.
func within(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '/')
}

// goPackage is what is used of the answer of go list.
type goPackage struct {
	ImportPath string
	Deps       []string // all of them, without those of tests
}

// list asks Go about packages, in an environment to which env is added.
func list(t *testing.T, env []string, patterns ...string) []goPackage {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Deps"}, patterns...)...)
	command.Dir = "../.."
	command.Env = append(os.Environ(), env...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatal("go list knows no package")
	}
	return packages
}
