package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// dropHello builds the example of a plugin as a WASM module into a site's plugins,
// and returns its checksum.
func dropHello(t *testing.T, s *program.Site) string {
	t.Helper()
	if err := testkit.Build(s.Plugins, map[string]testkit.Program{"hello.wasm": {Source: "sdk/examples/hello", Guest: true}}); err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile(filepath.Join(s.Plugins, "hello.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(module))
}

func TestWASMPluginWorksBesideAProcess(t *testing.T) {
	t.Parallel()
	s := program.NewSite(t, binaries)
	dropHello(t, s)
	s.WriteConfig("backflow.json", fmt.Sprintf(`{
	"pluginDirs": [%q],
	"credentials": { "database": { "url": "sqlite://app.db", "migrations": "migrations" } },
	"workflows": [{ "id": "record", "steps": [
		{ "id": "greet", "type": "hello", "action": "greet", "params": { "name": "{{input.name}}" } },
		{ "id": "keep", "type": "database", "action": "insert",
		  "params": { "table": "payments", "data": { "stripe_id": "{{steps.greet.result.message}}", "amount": 1 } } }
	], "output": "{{steps.keep.result.stripe_id}}" }]
}`, s.Plugins))
	if code, stdout, stderr := s.Run("validate", "-c", s.Config()); code != 0 {
		t.Fatalf("validate: exit code %d: %s%s", code, stdout, stderr)
	}
	g := s.Dev()

	// By HTTP, at its own path and at the one that every action has.
	for _, path := range []string{"/integrations/hello/greet", "/integrations/hello/actions/greet"} {
		answer := program.Want(t, http.StatusOK, g.Post(path, `{"name":"Ada"}`))
		if got, want := string(answer.Body), `{"message":"Hello, Ada!"}`; got != want {
			t.Errorf("%s answers %s, want %s", path, got, want)
		}
	}
	refused := program.Want(t, http.StatusUnprocessableEntity, g.Post("/integrations/hello/greet", `{"name":7,"age":1}`))
	for _, pointer := range []string{"/name", "age"} {
		if !strings.Contains(string(refused.Body), pointer) {
			t.Errorf("%s is not told: %s", pointer, refused.Body)
		}
	}
	// From a workflow, with a step of each kind.
	run := program.Want(t, http.StatusOK, g.Post("/workflows/record/runs?wait=60s", `{"name":"Bob"}`))
	if run.Text("status") != "succeeded" || run.Text("output") != "Hello, Bob!" {
		t.Errorf("the run: %s", run.Body)
	}
	for _, name := range []string{"hello", "database"} {
		if one := program.Want(t, http.StatusOK, g.Get("/integrations/"+name)); one.Text("status.state") != "ready" {
			t.Errorf("%s: %s", name, one.Body)
		}
	}
	// A guest is no process.
	if running := program.Processes(t, s.Plugins); len(running["hello.wasm"]) != 0 || len(running["backflow-plugin-database"]) != 1 {
		t.Errorf("processes: %v", running)
	}
}

func TestValidateChecksParamsAgainstAGuestsSchema(t *testing.T) {
	t.Parallel()
	s := program.NewSite(t, binaries)
	dropHello(t, s)
	s.WriteConfig("backflow.json", fmt.Sprintf(`{ "pluginDirs": [%q], "workflows": [{ "id": "w", "steps": [
	{ "id": "a", "type": "hello", "action": "greet", "params": { "name": 7 } },
	{ "id": "b", "type": "hello", "action": "great", "params": { "name": "x" } }
] }] }`, s.Plugins))
	code, stdout, stderr := s.Run("validate", "-c", s.Config())
	for _, place := range []string{`:2:71: .*must be a string`, `:3:\d+: .*great.*greet`} {
		if code != 1 || !regexp.MustCompile(regexp.QuoteMeta(s.Config())+place).MatchString(stdout+stderr) {
			t.Errorf("exit code %d, nothing like %s in %s%s", code, place, stdout, stderr)
		}
	}
}

func TestGuestWithAnotherChecksumIsNotRun(t *testing.T) {
	t.Parallel()
	s := program.NewSite(t, binaries)
	actual := dropHello(t, s)
	pinned := strings.Repeat("0", len(actual))
	config := func(sum string) string {
		return fmt.Sprintf(`{ "pluginDirs": [%q], "requirePinned": false, "plugins": [{ "name": "hello", "sha256": %q }] }`, s.Plugins, sum)
	}
	s.WriteConfig("backflow.json", config(pinned))
	g := s.Dev() // it starts, and is ready
	refused := program.Want(t, http.StatusServiceUnavailable, g.Post("/integrations/hello/greet", `{"name":"Ada"}`))
	if !strings.Contains(string(refused.Body), "checksum") {
		t.Errorf("answered %s", refused.Body)
	}
	_, stderr := g.Output()
	for _, sum := range []string{pinned, actual} {
		if !strings.Contains(stderr, sum) {
			t.Errorf("the log does not tell the checksum %s: %s", sum, stderr)
		}
	}
	s.WriteConfig("backflow.json", config(actual))
	testkit.Eventually(t, time.Minute, "the right checksum is in force", func() bool {
		answer, err := g.Send(program.Request{Method: http.MethodPost, Path: "/integrations/hello/greet", Body: `{"name":"Ada"}`})
		return err == nil && answer.Status == http.StatusOK
	})
}
