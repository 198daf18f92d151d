package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// bulkGateway is a gateway with one bulk, which is finished as soon as it is resumed.
// It notes its requests.
func bulkGateway(t *testing.T, total, failed int) (env map[string]string, requests *[]string) {
	t.Helper()
	requests = new([]string)
	status := "previewed"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*requests = append(*requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(body)))
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/items"):
			fmt.Fprint(w, `{"data":[{"run":"r1","result":"failed","code":"forbidden","detail":"no\u001b[1m"}],"nextCursor":null}`)
			return
		case strings.HasPrefix(r.URL.Path, "/runs/"):
			fmt.Fprint(w, `{"id":"r2","workflow":"w","status":"queued","rerunOf":"r1"}`)
			return
		case strings.HasSuffix(r.URL.Path, "/resume"):
			status = "finished"
		}
		fmt.Fprintf(w, `{"id":"b1","action":"retry","status":%q,"counts":{"total":%d,"done":%d,"failed":%d,"outcomeUnknown":1},"reasons":{"forbidden":%d},"sample":[{"id":"r1","workflow":"w","status":"failed"}]}`,
			status, total, total-failed, failed, failed)
	}))
	t.Cleanup(server.Close)
	return map[string]string{urlEnv: server.URL, tokenEnv: "t"}, requests
}

func TestManyRunsAreShownAndThenChanged(t *testing.T) {
	env, requests := bulkGateway(t, 12, 0)
	code, stdout, stderr := command(t, env, "runs", "retry", "--workflow", "w", "--status", "failed,waiting", "--error", "declined", "--yes")
	if code != exitOK || !strings.Contains(stderr, "r1") || !strings.Contains(stderr, "and 11 more") || !strings.Contains(stderr, "outcome_unknown") || !strings.Contains(stdout, "finished: 12 of 12 done") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	want := []string{
		`POST /bulk {"action":"retry","dryRun":true,"filter":{"error":"declined","status":["failed","waiting"],"workflow":"w"}}`,
		"POST /bulk/b1/resume", "GET /bulk/b1",
	}
	if got := strings.Join(*requests, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("requests:\n%s", got)
	}
}

func TestADryRunDoesNothing(t *testing.T) {
	env, requests := bulkGateway(t, 1, 0)
	code, stdout, _ := command(t, env, "runs", "cancel", "--since", "3d", "--dry-run")
	if code != exitOK || len(*requests) != 1 || !strings.Contains((*requests)[0], `"action":"cancel"`) || !strings.Contains(stdout, "backflow bulk resume b1") {
		t.Errorf("exit %d, %v\n%s", code, *requests, stdout)
	}
	env, requests = bulkGateway(t, 0, 0)
	if code, stdout, stderr := command(t, env, "runs", "rerun", "--workflow", "w", "--yes"); code != exitOK || len(*requests) != 1 || !strings.Contains(stdout+stderr, "no run matches") {
		t.Errorf("nothing matches: exit %d, %v, %s%s", code, *requests, stdout, stderr)
	}
}

func TestRunsThatCouldNotBeChangedFailTheCommand(t *testing.T) {
	env, _ := bulkGateway(t, 3, 2)
	code, stdout, stderr := command(t, env, "runs", "retry", "--workflow", "w", "--yes")
	if code != exitFailed || !strings.Contains(stdout, "2 failed (forbidden 2)") || !strings.Contains(stderr, "backflow bulk items b1") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	code, stdout, _ = command(t, env, "bulk", "items", "b1")
	if code != exitOK || !strings.Contains(stdout, "forbidden") || strings.Contains(stdout, "\x1b") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	for _, what := range []string{"pause", "resume", "cancel", "show"} {
		if code, stdout, stderr := command(t, env, "bulk", what, "b1"); code != exitOK || !strings.Contains(stdout, "bulk b1: retry") {
			t.Errorf("%s: exit %d, %s%s", what, code, stdout, stderr)
		}
	}
}

func TestOneRunOrManyIsSaidInOneWay(t *testing.T) {
	env, requests := bulkGateway(t, 1, 0)
	for _, args := range [][]string{
		{"runs", "retry"}, {"runs", "retry", "r1", "--workflow", "w"}, {"runs", "retry", "--workflow", "w", "--yes", "--now"},
		{"runs", "retry", "r1", "--now", "--latest"}, {"runs", "retry", "--workflow", "w"}, {"runs", "retry", "--since", "soon", "--yes"},
	} {
		if code, _, stderr := command(t, env, args...); code != exitUsage || len(*requests) != 0 {
			t.Errorf("%v: exit %d, %v\n%s", args, code, *requests, stderr)
		}
	}
	for want, args := range map[string][]string{
		`POST /runs/r1/retry {"now":true}`:    {"runs", "retry", "r1", "--now"},
		`POST /runs/r1/retry {"latest":true}`: {"runs", "retry", "r1", "--latest"},
		"POST /runs/r1/rerun":                 {"runs", "rerun", "r1"},
		"POST /runs/r1/cancel":                {"runs", "cancel", "r1"},
	} {
		*requests = nil
		if code, _, stderr := command(t, env, args...); code != exitOK || len(*requests) != 1 || (*requests)[0] != want {
			t.Errorf("%v: exit %d, %v\n%s", args, code, *requests, stderr)
		}
	}
}

// TestEventsThatAReplaySkipsForAnUnknownOutcomeFailTheCommand: a script must not take them
// for replayed.
func TestEventsThatAReplaySkipsForAnUnknownOutcomeFailTheCommand(t *testing.T) {
	status := "previewed"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/resume") {
			status = "finished"
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"b1","action":"replay","status":%q,"counts":{"total":3,"done":1,"skipped":2},"reasons":{"conflict":1,"outcome_unknown":1},"sampleEvents":[{"id":"evt_1"}]}`, status)
	}))
	defer server.Close()
	env := map[string]string{urlEnv: server.URL, tokenEnv: "t"}
	code, stdout, stderr := command(t, env, "events", "replay", "--webhook", "w", "--yes")
	if code != exitFailed || !strings.Contains(stdout, "1 of 3 done") || !strings.Contains(stderr, "of 1 of the events it is not known") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}
