package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// proposed returns what a shell is proposed for the last word of a command line.
func proposed(t *testing.T, env map[string]string, words ...string) []string {
	t.Helper()
	code, out, _ := command(t, env, append([]string{"__complete"}, words...)...)
	if code != exitOK {
		t.Errorf("%q: exit code %d", words, code)
	}
	var values []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, ":") { // the directive
			value, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			values = append(values, value)
		}
	}
	return values
}

func TestShellsAreProposedWhatTheGatewayHas(t *testing.T) {
	t.Chdir(t.TempDir())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/workflows":
			fmt.Fprint(w, `{"data":[{"id":"pay","name":"Payment \u202e\nline"},{"id":"ship"}]}`)
		case "/runs/r2":
			fmt.Fprint(w, `{"id":"r2","steps":[{"path":"a","signal":"approval"},{"path":"b"}]}`)
		case "/integrations":
			fmt.Fprint(w, `{"data":[{"name":"database"},{"name":"stripe","sandbox":true}]}`)
		case "/integrations/stripe/sandbox/status":
			fmt.Fprint(w, `{"time":"2026-01-01T00:00:00Z","clocks":[{"id":"clock_1","time":"2026-06-01T00:00:00Z"}]}`)
		case "/runs":
			status := r.URL.Query().Get("status")
			if status == "" {
				status = "any"
			}
			fmt.Fprintf(w, `{"data":[{"id":"%s-1","workflow":"pay","status":"x"}],"nextCursor":null}`, strings.ReplaceAll(status, ",", "+"))
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "webhooks": [{ "name": "h", "path": "/hooks/h", "provider": "acme" }],
  "workflows": [{ "id": "local", "steps": [{ "id": "a", "type": "set" }] }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{urlEnv: server.URL, tokenEnv: "t"}
	for line, want := range map[string]string{
		"runs show ":                      "any-1",
		"runs watch ":                     "any-1",
		"runs retry ":                     "failed+waiting-1",
		"runs cancel ":                    "queued+running+waiting-1",
		"runs signal r2 ":                 "approval",
		"runs show r1 ":                   "",
		"runs list --workflow ":           "pay ship",
		"runs list --status ":             "queued running waiting compensating succeeded failed cancelled",
		"runs list -o ":                   "table json yaml",
		"plugin test -o ":                 "table json yaml junit",
		"workflow run ":                   "pay ship",
		"workflow graph ":                 "pay ship",
		"workflow graph -c " + file + " ": "local",
		"trigger -c " + file + " ":        "acme",
		"token new --scopes ":             "integrations:*:* workflows:*:run workflows:*:read runs:read runs:write",
		"plugin new x --kind ":            "go-process go-wasm assemblyscript",
		"sandbox ":                        "advance fault reset status",
		"sandbox status --integration ":   "stripe",
		"sandbox advance --clock ":        "clock_1",
		"sandbox advance ":                "1d 1w 31d 1mo 1y",
		"runs s":                          "show signal",
		"stat":                            "status",
	} {
		got := strings.Join(proposed(t, env, strings.Split(line, " ")...), " ")
		if got != want && !(strings.HasPrefix(line, "token") && strings.HasPrefix(got, want)) {
			t.Errorf("%q: proposed are %q, want %q", line, got, want)
		}
	}
}

func TestWithoutAGatewayNothingIsProposedQuicklyAndSilently(t *testing.T) {
	t.Chdir(t.TempDir())
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	for name, env := range map[string]map[string]string{
		"none is known":     nil,
		"it hangs":          {urlEnv: server.URL, tokenEnv: "t"},
		"it is not there":   {urlEnv: "http://127.0.0.1:1", tokenEnv: "t"},
		"two sources":       {tokenEnv: "t"},
		"what is no URL is": {urlEnv: "nonsense", tokenEnv: "t"},
	} {
		began := time.Now()
		if got := proposed(t, env, "runs", "show", ""); len(got) != 0 {
			t.Errorf("%s: proposed are %q", name, got)
		}
		if took := time.Since(began); took > 10*completionTimeout {
			t.Errorf("%s: it took %s", name, took)
		}
		if _, _, stderr := command(t, env, "__completeNoDesc", "runs", "show", ""); strings.Contains(stderr, "backflow:") {
			t.Errorf("%s: %s", name, stderr)
		}
	}
}
