package plugin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/plugin"
)

// put writes a file and returns its path.
func put(t *testing.T, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDiscoverFindsPluginsByName(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	stripe := put(t, two, "backflow-plugin-stripe")
	acme := put(t, one, "backflow-plugin-acme-2")
	put(t, one, "backflow-plugin-acme.sha256")
	put(t, one, "backflow-plugin-Upper")
	put(t, one, "backflow-plugin-")
	put(t, one, "README.md")
	put(t, one, "backflow-plugin-folder", "file")
	linked := filepath.Join(one, "backflow-plugin-linked")
	if err := os.Symlink(stripe, linked); err != nil {
		t.Fatal(err)
	}
	got, err := plugin.Discover([]string{two, one, one})
	if err != nil {
		t.Fatal(err)
	}
	want := []plugin.Spec{{Name: "acme-2", Path: acme}, {Name: "linked", Path: linked}, {Name: "stripe", Path: stripe}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDiscoverTellsEveryFault(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	first, second := put(t, one, "backflow-plugin-a"), put(t, two, "backflow-plugin-a")
	_, err := plugin.Discover([]string{one, two, filepath.Join(one, "absent")})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{first, second, "twice", "absent"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not hold %q", err, part)
		}
	}
}

func TestWASMFilesAreFoundBesideProcesses(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"acme.wasm", "Not-a-name.wasm", "backflow-plugin-shop", "backflow-plugin-old.wasm"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	specs, err := plugin.Discover([]string{dir})
	if err != nil || len(specs) != 2 || specs[0].Name != "acme" || !plugin.IsWASM(specs[0].Path) || plugin.IsWASM(specs[1].Path) {
		t.Errorf("got %+v, %v", specs, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop.wasm"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = plugin.Discover([]string{dir})
	if err == nil || !strings.Contains(err.Error(), "backflow-plugin-shop") || !strings.Contains(err.Error(), "shop.wasm") {
		t.Errorf("one name as both: %v", err)
	}
}
