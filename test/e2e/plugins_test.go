package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// helloProcess builds the example of a plugin as a process.
func helloProcess(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := testkit.Build(dir, map[string]testkit.Program{"hello": {Source: "sdk/examples/hello"}}); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "hello")
}

// drop puts a program into a site's plugins in one step, with a mark behind it
// that makes another content of it. Another process writes it, so that no process
// that this one starts meanwhile has the file open.
func drop(t *testing.T, s *program.Site, from, name, mark string) {
	t.Helper()
	to := filepath.Join(s.Plugins, name)
	script := `cat "$1" >"$2.new" && printf %s "$3" >>"$2.new" && chmod 700 "$2.new" && mv "$2.new" "$2"`
	if output, err := exec.Command("/bin/sh", "-c", script, "sh", from, to, mark).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
}

func TestPluginsComeChangeAndGoWithoutARestartAndNoCallFails(t *testing.T) {
	t.Parallel()
	hello := helloProcess(t)
	s := program.NewSite(t, binaries)
	config := func(more string) {
		s.WriteConfig("backflow.json", fmt.Sprintf(`{ "pluginDirs": [%q]%s }`, s.Plugins, more))
	}
	config("")
	g := s.Dev()
	greet := program.Request{Method: http.MethodPost, Path: "/integrations/hello/greet", Body: `{"name":"Ada"}`}
	status := func() int {
		answer, err := g.Send(greet)
		if err != nil {
			t.Error(err)
		}
		return answer.Status
	}
	program.Want(t, http.StatusNotFound, g.Do(greet))

	// A file that is dropped in.
	drop(t, s, hello, "backflow-plugin-hello", "")
	testkit.Eventually(t, eventually, "the plugin is there", func() bool { return status() == http.StatusOK })

	// From here on, until the plugin is taken out, no call may fail.
	var stop atomic.Bool
	var calls atomic.Int64
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for !stop.Load() {
				answer, err := g.Send(greet)
				if err != nil || answer.Status != http.StatusOK {
					t.Errorf("answered %d: %s, %v", answer.Status, answer.Body, err)
					return
				}
				calls.Add(1)
			}
		})
	}
	defer callers.Wait()
	defer stop.Store(true)
	pid := g.PluginPID("hello", 0)
	// A file that is replaced.
	for i := range 3 {
		drop(t, s, hello, "backflow-plugin-hello", fmt.Sprint(i))
		pid = g.PluginPID("hello", pid)
	}
	// What the config says of it.
	config(`, "plugins": [{ "name": "hello", "timeout": "7s" }]`)
	pid = g.PluginPID("hello", pid)
	config(`, "plugins": [{ "name": "hello", "timeout": "7s", "env": { "A": "b" } }]`)
	pid = g.PluginPID("hello", pid)
	// What must not come into force: another file, and another config.
	drop(t, s, filepath.Join(s.Plugins, "backflow-plugin-database"), "backflow-plugin-hello", "")
	testkit.Eventually(t, eventually, "the other plugin is rejected", func() bool {
		return strings.Contains(g.Get("/integrations/hello").Text("status.rejected"), `the plugin calls itself "database"`)
	})
	drop(t, s, hello, "backflow-plugin-hello", "last")
	pid = g.PluginPID("hello", pid)
	config(`, "plugins": [{ "name": "hello", "sha256": "` + strings.Repeat("0", 64) + `" }]`)
	testkit.Eventually(t, eventually, "the log says why the config is not in force", func() bool {
		_, log := g.Output()
		return strings.Contains(log, "plugin hello: ") && strings.Contains(log, "another checksum than the config pins")
	})
	if now := g.PluginPID("hello", 0); now != pid {
		t.Error("the plugin was started again")
	}
	before := calls.Load()
	testkit.Eventually(t, time.Minute, "callers are served", func() bool { return calls.Load() > before+100 })
	stop.Store(true)
	callers.Wait()
	t.Logf("%d calls", calls.Load())

	// What operators see.
	metrics := program.Want(t, http.StatusOK, g.Do(program.Request{
		Method: http.MethodGet, Path: "/metrics", Header: map[string]string{"Accept": "application/openmetrics-text;version=1.0.0"},
	}))
	for _, line := range []string{
		`backflow_plugin_state{plugin="hello",state="ready"} 1`, `backflow_plugin_restarts_total{plugin="hello"} 0`,
		`backflow_plugin_calls_in_flight{plugin="hello"} 0`, "# EOF",
	} {
		if !strings.Contains(string(metrics.Body), line) {
			t.Errorf("metrics hold no %s", line)
		}
	}
	program.Want(t, http.StatusUnauthorized, g.Do(program.Request{Method: http.MethodGet, Path: "/metrics", Token: "none"}))
	ready := program.Want(t, http.StatusOK, g.Do(program.Request{Method: http.MethodGet, Path: "/readyz", Token: "none"}))
	if ready.Text("integrations.hello.state") != "ready" || ready.Text("integrations.hello.since") == "" {
		t.Errorf("/readyz: %s", ready.Body)
	}

	// A file that is taken out.
	config("")
	if err := os.Remove(filepath.Join(s.Plugins, "backflow-plugin-hello")); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, eventually, "the plugin is gone", func() bool { return status() == http.StatusNotFound })
}

func TestOnlyPinnedPluginsRunWhereThatIsRequired(t *testing.T) {
	t.Parallel()
	s := program.NewSite(t, binaries)
	drop(t, s, helloProcess(t), "backflow-plugin-hello", "")
	config := func(more string) {
		s.WriteConfig("backflow.json", fmt.Sprintf(`{ "pluginDirs": [%q], "requirePinned": true, "plugins": [%s],
  "workflows": [{ "id": "w", "steps": [{ "id": "a", "type": "hello", "action": "greet", "params": { "name": "x" } }] }] }`, s.Plugins, more))
	}
	config("")
	code, stdout, stderr := s.Run("validate", "-c", s.Config())
	if code != 1 || !strings.Contains(stdout+stderr, "requirePinned") {
		t.Errorf("validate: %d, %s%s", code, stdout, stderr)
	}
	g := s.Dev()
	shown := g.Get("/integrations/hello").Text("status.reason")
	_, line, found := strings.Cut(shown, "have under plugins: ")
	if !found {
		t.Fatalf("no line to paste in %q", shown)
	}
	config(line)
	testkit.Eventually(t, eventually, "the plugin runs", func() bool {
		answer, err := g.Send(program.Request{Method: http.MethodPost, Path: "/integrations/hello/greet", Body: `{"name":"Ada"}`})
		return err == nil && answer.Status == http.StatusOK
	})
}

func TestAPluginThatNothingNamesDelaysNothing(t *testing.T) {
	t.Parallel()
	s := program.NewSite(t, binaries)
	hanging := filepath.Join(t.TempDir(), "hanging")
	if err := os.WriteFile(hanging, []byte("#!/bin/sh\nexec sleep 3600\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	drop(t, s, hanging, "backflow-plugin-hanging", "")
	config := func(timeout string) {
		s.WriteConfig("backflow.json", fmt.Sprintf(`{ "pluginDirs": [%q], "server": { "requestTimeout": %q } }`, s.Plugins, timeout))
	}
	config("30s")
	g := s.Dev() // until /readyz is 200
	ready := program.Want(t, http.StatusOK, g.Get("/readyz"))
	if state := ready.Text("integrations.hanging.state"); state != "starting" {
		t.Errorf("ready while the plugin is %s", state)
	}
	drop(t, s, hanging, "backflow-plugin-another", "")
	config("31s")
	testkit.Eventually(t, eventually, "the change is in force", func() bool {
		return g.Get("/readyz").Text("integrations.another.state") == "starting"
	})
}
