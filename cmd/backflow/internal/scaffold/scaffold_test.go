package scaffold

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyReleasesCanBeFetched(t *testing.T) {
	for version, want := range map[string]bool{
		"v1.2.3": true, "v1.2.3-rc.1": true, "v0.0.0-20261123101112-0123456789ab": true,
		"devel": false, "": false, "1.2.3": false, "v1.2": false, "v1.2.3-dirty": false, "v1.2.3-4-g0123abc": false, "0123abc": false,
	} {
		if Published(version) != want {
			t.Errorf("%q: got %v", version, !want)
		}
	}
}

func TestPublishedVersionIsRequiredWithoutACheckout(t *testing.T) {
	files, err := Project{Name: "acme", Kind: GoWASM, Dir: t.TempDir(), Version: "v1.2.3"}.files()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(files["go.mod"]), "module backflow-plugin-acme\n\ngo 1.26.0\n\nrequire github.com/backflow/backflow v1.2.3\n"; got != want {
		t.Errorf("got %s", got)
	}
}

// The Go of a project is that of the SDK: an older one would have go mod tidy
// change the file.
func TestProjectsAreOfTheSameGoAsTheSDK(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	files, err := Project{Name: "acme", Kind: GoProcess, Dir: t.TempDir(), SDK: root}.files()
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if goLine(sdk) == "" || goLine(files["go.mod"]) != goLine(sdk) {
		t.Errorf("a project has %q, the SDK %q", goLine(files["go.mod"]), goLine(sdk))
	}
}

func goLine(content []byte) string {
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "go ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// npm ci refuses a lock file that is not of its package.json, and a compiler of
// another version than the kit's may not compile the kit.
func TestAssemblyScriptProjectLocksWhatTheKitNeeds(t *testing.T) {
	files, err := Project{Name: "acme", Kind: AssemblyScript, Dir: t.TempDir()}.files()
	if err != nil {
		t.Fatal(err)
	}
	type lockedPackage struct {
		DevDependencies map[string]string
		Resolved        string
		Link            bool
		Version         string
	}
	var project, kit struct{ DevDependencies map[string]string }
	var lock struct {
		Name     string
		Packages map[string]lockedPackage
	}
	for name, into := range map[string]any{"package.json": &project, "kit/package.json": &kit, "package-lock.json": &lock} {
		if err := json.Unmarshal(files[name], into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(project.DevDependencies, lock.Packages[""].DevDependencies); diff != "" {
		t.Errorf("the lock file is of another package.json: %s", diff)
	}
	if link := lock.Packages["node_modules/@backflow/plugin"]; link.Resolved != "kit" || !link.Link {
		t.Errorf("the kit is locked as %+v", link)
	}
	compiler := kit.DevDependencies["assemblyscript"]
	if compiler == "" || project.DevDependencies["assemblyscript"] != compiler || lock.Packages["node_modules/assemblyscript"].Version != compiler {
		t.Errorf("the kit is compiled by %q, the project by %q", compiler, project.DevDependencies["assemblyscript"])
	}
	for _, name := range []string{".gitignore", "Makefile", "README.md", "assembly/index.ts", "kit/index.ts", "kit/assembly/plugin.ts", "kit/testing/index.js"} {
		if len(files[name]) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestProjectThatFailsLeavesNothing(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "acme")
	// Somebody was quicker.
	if err := os.MkdirAll(filepath.Join(dir, "theirs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (Project{Name: "acme", Kind: GoProcess, Dir: dir, Version: "v1.0.0"}).Write(); err == nil {
		t.Error("it was written")
	}
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 1 {
		t.Errorf("there is %v, %v", entries, err)
	}
}
