package thirdparty

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// frozen is a plugin that was built when version 1 of the ABI was new.
func frozen() string {
	return filepath.Join(testkit.Root(), "sdk", "assemblyscript", "testdata", "abi1", "hello.wasm")
}

func TestAPluginOfVersionOneOfTheABIStillRuns(t *testing.T) {
	t.Parallel()
	greets(t, frozen())
}

func TestTheKitForAssemblyScriptKeepsItsPromises(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	dir := kit(t)
	run(t, dir, nil, "npm", "test")
	hello := filepath.Join(dir, "examples", "hello")
	install(t, hello)
	run(t, hello, nil, "npm", "test")
	greets(t, filepath.Join(hello, "bin", "hello.wasm"))
}

// greets drops in a hello and has it greet.
func greets(t *testing.T, module string) {
	t.Helper()
	s := program.NewSite(t, binaries)
	drop(t, s, module, "hello.wasm")
	s.WriteConfig("backflow.json", fmt.Sprintf(`{ "pluginDirs": [%q], "workflows": [{ "id": "greet", "steps": [
		{ "id": "g", "type": "hello", "action": "greet", "params": { "name": "{{input.name}}" } }], "output": "{{steps.g.result.message}}" }] }`, s.Plugins))
	g := s.Dev()
	answer := program.Want(t, http.StatusOK, g.Post("/integrations/hello/greet", `{"name":"Ada \"é𝄞\" 1e2"}`, "X-Request-Id", "req-hello-1"))
	if want := `{"message":"Hello, Ada \"é𝄞\" 1e2!"}`; string(answer.Body) != want {
		t.Errorf("answered %s, want %s", answer.Body, want)
	}
	testkit.Eventually(t, 10*time.Second, "the guest's log arrives", func() bool {
		_, stderr := g.Output()
		for line := range strings.Lines(stderr) {
			if strings.Contains(line, "greeting") && strings.Contains(line, "hello") && strings.Contains(line, "req-hello-1") {
				return true
			}
		}
		return false
	})
	for _, params := range []string{`{}`, `{"name":1}`, `{"name":"Ada","age":1}`} {
		program.Want(t, http.StatusUnprocessableEntity, g.Post("/integrations/hello/actions/greet", params))
	}
	run := program.Want(t, http.StatusOK, g.Post("/workflows/greet/runs?wait=30s", `{"name":"Bob"}`))
	if run.Text("output") != "Hello, Bob!" {
		t.Errorf("the run: %s", run.Body)
	}
}

func TestHelloIsTheSameInGoAndInAssemblyScript(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	dir := kit(t)
	hello := filepath.Join(dir, "examples", "hello")
	install(t, hello)
	run(t, hello, nil, "npm", "run", "build")
	native := t.TempDir()
	if err := testkit.Build(native, map[string]testkit.Program{"backflow-plugin-hello": {Source: "sdk/examples/hello"}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(described(t, filepath.Join(native, "backflow-plugin-hello"), "backflow-plugin-hello"), described(t, filepath.Join(hello, "bin", "hello.wasm"), "hello.wasm")); diff != "" {
		t.Errorf("-Go +AssemblyScript:\n%s", diff)
	}
}

// described drops in a hello, and returns what it publishes and what it responds.
func described(t *testing.T, plugin, name string) map[string]any {
	t.Helper()
	s := program.NewSite(t, binaries)
	drop(t, s, plugin, name)
	s.WriteConfig("backflow.json", fmt.Sprintf(`{ "pluginDirs": [%q] }`, s.Plugins))
	g := s.Dev()
	answer := program.Want(t, http.StatusOK, g.Get("/integrations/hello"))
	if answer.Field("actions.0.params") == nil {
		t.Fatalf("it says of itself: %s", answer.Body)
	}
	greeting := program.Want(t, http.StatusOK, g.Post("/integrations/hello/greet", `{"name":"Ada \u003c"}`))
	refusal := program.Want(t, http.StatusUnprocessableEntity, g.Post("/integrations/hello/greet", `{"name":""}`))
	return map[string]any{
		"version": answer.Field("version"), "actions": answer.Field("actions"),
		"greeting": greeting.Field("message"), "errors": refusal.Field("errors"),
	}
}

func TestAnAbortOfAnAssemblyScriptGuestIsItsCallsOwn(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	dir := kit(t)
	project := filepath.Join(dir, "test", "fixture")
	if err := os.MkdirAll(filepath.Join(project, "node_modules", "@backflow"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(project, "node_modules", "@backflow", "plugin")); err != nil {
		t.Fatal(err)
	}
	run(t, project, nil, "node", filepath.Join(dir, "node_modules", "assemblyscript", "bin", "asc.js"), "index.ts",
		"--config", "node_modules/@backflow/plugin/asconfig.json", "--outFile", "fixture.wasm")

	var shown atomic.Value // what authenticates the last request, which the answer repeats
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown.Store(r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"n":12345678901234567890,"key":%q}`, r.Header.Get("Authorization")) // what is not there is missed in the test
	}))
	t.Cleanup(vendor.Close)
	s := program.NewSite(t, binaries)
	drop(t, s, filepath.Join(project, "fixture.wasm"), "fixture.wasm")
	s.WriteConfig("backflow.json", fmt.Sprintf(`{ "pluginDirs": [%q], "credentials": { "fixture": { "key": "k_s3cr3t" } },
		"plugins": [{ "name": "fixture", "allowedHosts": [%q] }] }`, s.Plugins, vendor.URL))
	g := s.Dev()

	trapped := g.Post("/integrations/fixture/actions/abort", `{}`)
	if trapped.Status != http.StatusServiceUnavailable || trapped.Text("code") != "unavailable" {
		t.Errorf("the abort is answered with %d: %s", trapped.Status, trapped.Body)
	}
	testkit.Eventually(t, 10*time.Second, "the log says why", func() bool {
		_, stderr := g.Output()
		return strings.Contains(stderr, "abort: at the disco") && strings.Contains(stderr, "index.ts:")
	})
	echo := program.Want(t, http.StatusOK, g.Post("/integrations/fixture/echo/x", `{"n":19.990,"big":12345678901234567890}`))
	if want := `{"big":12345678901234567890,"id":"x","n":19.990}`; string(echo.Body) != want {
		t.Errorf("numbers came back as %s", echo.Body)
	}
	fetched := program.Want(t, http.StatusOK, g.Post("/integrations/fixture/actions/fetch", fmt.Sprintf(`{"url":%q}`, vendor.URL+"/things")))
	if got, want := string(fetched.Body), `"body":{"n":12345678901234567890,"key":"Bearer ***"}`; !strings.Contains(got, want) || shown.Load() != "Bearer k_s3cr3t" {
		t.Errorf("asked with %v, the vendor's answer is %s", shown.Load(), got)
	}
	refused := g.Post("/integrations/fixture/actions/fetch", `{"url":"https://elsewhere.example/"}`)
	if refused.Status < 400 || !strings.Contains(string(refused.Body), "allowedHosts") {
		t.Errorf("a host that is not allowed: %d %s", refused.Status, refused.Body)
	}
	declined := program.Want(t, http.StatusPaymentRequired, g.Post("/integrations/fixture/actions/failInFull", `{}`))
	if declined.Text("code") != "declined" || declined.Text("errors.0.pointer") != "/a~1b/0" {
		t.Errorf("the failure is %s", declined.Body)
	}
}
