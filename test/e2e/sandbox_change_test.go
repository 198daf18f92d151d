package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// TestASandboxFollowsAReloadAndANewFileOfItsPlugin: it sends its events to the webhooks of
// the config in force, and what it holds stays.
func TestASandboxFollowsAReloadAndANewFileOfItsPlugin(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	ann := b.call("/customers", map[string]any{"email": "ann@example.com"}).Text("id")
	b.settle()
	logged := func(words string) {
		t.Helper()
		testkit.Eventually(t, eventually, words, func() bool {
			_, log := b.Output()
			return strings.Contains(log, words)
		})
	}
	runs := func(webhook string) int {
		t.Helper()
		list, _ := program.Want(t, 200, b.Get("/runs?workflow=webhook:"+webhook)).Field("data").([]any)
		return len(list)
	}

	b.WriteExample(b.store, append(b.edits, program.Edit{Old: `"webhooks": [{`, New: `"webhooks": [{ "name": "second", "path": "/hooks/second", "provider": "stripe" }, {`})...)
	logged("config reloaded")
	bob := b.call("/customers", map[string]any{"email": "bob@example.com"}).Text("id")
	b.settle()
	testkit.Eventually(t, eventually, "the second webhook has the event", func() bool { return runs("second") == 1 })

	pid := b.PluginPID("stripe", 0)
	file := filepath.Join(b.Plugins, "backflow-plugin-stripe")
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// What follows an executable is not read: it is another file, and does the same.
	if err := os.WriteFile(file+".next", append(program, "another"...), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".next", file); err != nil {
		t.Fatal(err)
	}
	b.PluginPID("stripe", pid)
	b.call("/customers", map[string]any{"email": "eve@example.com"})
	for id, email := range map[string]string{ann: "ann@example.com", bob: "bob@example.com"} {
		if got := b.get("/customers/" + id).Text("email"); got != email {
			t.Errorf("%s is %q", id, got)
		}
	}
	b.settle()
	testkit.Eventually(t, eventually, "the second webhook has the event", func() bool { return runs("second") == 2 })
}
