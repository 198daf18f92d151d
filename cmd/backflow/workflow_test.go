package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// call runs a command line against a gateway.
func call(t *testing.T, address string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := map[string]string{"BACKFLOW_URL": address, "BACKFLOW_TOKEN": "t"}
	p := &program{stdout: &out, stderr: &errs, lookupEnv: func(name string) (string, bool) {
		value, set := env[name]
		return value, set
	}}
	code = p.main(t.Context(), args)
	return code, out.String(), errs.String()
}

func TestATokenThatMayRunAWorkflowNeedNotSeeRuns(t *testing.T) {
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/workflows/w/runs" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"title":"refused","status":403}`)
			return
		}
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		status := "queued"
		if r.URL.Query().Get("wait") != "" && len(keys) == 3 {
			status = "succeeded"
		}
		fmt.Fprintf(w, `{"id":"r1","workflow":"w","status":%q}`, status)
	}))
	defer server.Close()
	code, out, stderr := call(t, server.URL, "workflow", "run", "w", "--wait")
	if code != exitOK || out != `{"id":"r1","workflow":"w","status":"succeeded"}`+"\n" {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	if len(keys) != 3 || keys[0] == "" || keys[1] != keys[0] || keys[2] != keys[0] {
		t.Errorf("the keys are %q", keys)
	}
}

func TestAStartWhoseResponseIsLostIsSentAgainWithItsKey(t *testing.T) {
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if keys = append(keys, r.Header.Get("Idempotency-Key")); len(keys) == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"id":"r1","workflow":"w","status":"failed"}`)
	}))
	defer server.Close()
	// It was accepted: what becomes of it is not waited for.
	if code, out, stderr := call(t, server.URL, "workflow", "run", "w"); code != exitOK || !strings.Contains(out, "r1") {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
		t.Errorf("the keys are %q", keys)
	}
}

func TestAWorkflowIsDrawnFromAConfigAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "pluginDirs": ["absent"], "credentials": { "acme": { "key": "{{env.KEY}}" } }, "workflows": [
  { "id": "good", "steps": [{ "id": "a", "type": "acme", "action": "do" }] },
  { "id": "bad", "steps": [{ "id": "a", "type": "set" }] }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := call(t, "http://127.0.0.1:1", "workflow", "graph", "good", "-c", file); code != exitOK || !strings.Contains(out, "acme.do") {
		t.Errorf("good: exit code %d: %s%s", code, out, stderr)
	}
	if code, out, stderr := call(t, "http://127.0.0.1:1", "workflow", "graph", "bad", "-c", file); code != exitFailed || out != "" || !strings.Contains(stderr, file+":3:") {
		t.Errorf("bad: exit code %d: %s%s", code, out, stderr)
	}
	if code, _, stderr := call(t, "http://127.0.0.1:1", "workflow", "graph", "goood", "-c", file); code != exitFailed || !strings.Contains(stderr, `did you mean "good"?`) {
		t.Errorf("misspelt: exit code %d: %s", code, stderr)
	}
}

func TestAListGoesOnUntilItHasWhatWasAskedFor(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		switch r.URL.Query().Get("cursor") {
		case "": // a short page
			fmt.Fprint(w, `{"data":[],"nextCursor":"c1"}`)
		case "c1":
			fmt.Fprint(w, `{"data":[{"id":"r1","error":{"code":"x","detail":"\u001b[2J"}}],"nextCursor":"c2"}`)
		default:
			fmt.Fprint(w, `{"data":[{"id":"r2"}],"nextCursor":"c3"}`)
		}
	}))
	defer server.Close()
	code, out, stderr := call(t, server.URL, "runs", "list", "--limit", "2", "--status", "failed")
	if code != exitOK || !strings.Contains(out, "r1") || !strings.Contains(out, "r2") || !strings.Contains(stderr, "--cursor c3") || strings.Contains(out, "\x1b") {
		t.Errorf("exit code %d: %q%q", code, out, stderr)
	}
	want := "limit=2&status=failed cursor=c1&limit=2&status=failed cursor=c2&limit=1&status=failed"
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}
