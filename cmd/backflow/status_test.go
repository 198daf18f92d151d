package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestStatusSaysWhatAGatewayIsDoing, whatever the gateway tells the token.
func TestStatusSaysWhatAGatewayIsDoing(t *testing.T) {
	t.Chdir(t.TempDir())
	paths := map[string]string{
		"/readyz":    `{"status":"ready","integrations":{"stripe":{"state":"failed","since":"2026-01-31T12:00:00Z","restarts":3,"retryAt":"2026-01-31T12:00:30Z"}}}`,
		"/workflows": `{"data":[{"id":"pay"}],"nextCursor":null}`,
		"/metrics": `# TYPE backflow_build_info gauge
backflow_build_info{version="1.2.3"} 1
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e+09
# TYPE backflow_runs gauge
backflow_runs{status="queued",workflow="pay"} 4
backflow_runs{status="queued",workflow="ship"} 3
backflow_runs{status="waiting",workflow="pay"} 1
# TYPE backflow_runs_active gauge
backflow_runs_active{status="running",workflow="pay"} 2
# TYPE backflow_queue_length gauge
backflow_queue_length{workflow="pay"} 4
# TYPE backflow_queue_age_seconds gauge
backflow_queue_age_seconds{workflow="pay"} 90
`,
		"/runs?failed":  `{"data":[{"id":"r-failed","workflow":"pay","status":"failed","error":{"code":"declined","detail":"no\u202e"}}],"nextCursor":null}`,
		"/runs?waiting": `{"data":[{"id":"r-retry","workflow":"pay","status":"waiting","waitingFor":"retry","attempt":2,"maxAttempts":9},{"id":"r-timer","status":"waiting","waitingFor":"timer"}],"nextCursor":"more"}`,
	}
	serve := func(refused map[string]int, ready int) (string, *httptest.Server) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := r.URL.Path
			if status := r.URL.Query().Get("status"); status != "" {
				path += "?" + status
			}
			if status := refused[r.URL.Path]; status != 0 {
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"title":"Forbidden","status":%d,"detail":"a scope is needed for %s"}`, status, r.URL.Path)
				return
			}
			text, there := paths[path]
			if !there {
				text = `{"data":[],"nextCursor":null}`
			}
			if path == "/readyz" && ready != 200 {
				w.WriteHeader(ready)
				text = strings.Replace(text, "ready", "starting", 1)
			}
			fmt.Fprint(w, text)
		}))
		return server.URL, server
	}
	env := map[string]string{tokenEnv: "t"}
	url, server := serve(nil, 200)
	defer server.Close()
	env[urlEnv] = url
	code, out, stderr := command(t, env, "status")
	for _, want := range []string{
		"ready", "1.2.3", "since 2023-11-14T22:13:20Z", "7 queued, 2 running, 1 waiting, 0 compensating", "4 wait for a gateway, the oldest for 1m30s",
		"stripe", "failed", "2026-01-31T12:00:30Z", "r-failed", `declined: no\u202e`, "r-retry", "attempt 2 of 9",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing: %s", want, out)
		}
	}
	if code != exitOK || strings.Contains(out, "r-timer") || strings.Contains(out, "not known") {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}

	url, server = serve(map[string]int{"/metrics": 403, "/workflows": 403}, 200)
	defer server.Close()
	env[urlEnv] = url
	if code, out, stderr = command(t, env, "status", "-o", "json"); code != exitOK {
		t.Errorf("less allowed: exit code %d: %s", code, stderr)
	}
	var shown struct {
		Runs []struct {
			Status string
			Count  int
			More   bool
		}
		Unknown []string
	}
	if err := json.Unmarshal([]byte(out), &shown); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(shown.Runs); got != "[{queued 0 false} {running 0 false} {waiting 2 true} {compensating 0 false}]" {
		t.Errorf("counted from the lists: %s", got)
	}
	if len(shown.Unknown) != 2 || !strings.Contains(out, "a scope is needed for /metrics") {
		t.Errorf("not known: %q", shown.Unknown)
	}

	url, server = serve(nil, 503)
	defer server.Close()
	env[urlEnv] = url
	if code, out, stderr = command(t, env, "status"); code != exitFailed || !strings.Contains(out, "starting") || !strings.Contains(stderr, "not ready: starting") {
		t.Errorf("not ready: exit code %d: %s%s", code, out, stderr)
	}
}
