package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// observedConfig has something of everything that is measured.
func observedConfig(plugins, crm string) string {
	return fmt.Sprintf(`{
  "auth": { "tokens": [{ "name": "shop", "hash": %q, "scopes": ["*"] }] },
  "pluginDirs": [%q],
  "credentials": { "stripe": { "secretKey": %q, "webhookSecret": %q } },
  "customIntegrations": [{ "name": "crm", "baseUrl": %q, "auth": { "type": "bearer", "token": "crm_another" },
    "actions": { "getUser": { "method": "GET", "path": "/users/{{params.userId}}" } } }],
  "schedules": [{ "name": "nightly", "cron": "0 3 * * *", "workflow": "sets" }],
  "webhooks": [{ "name": "hook", "path": "/hooks/stripe", "provider": "stripe", "actions": [{ "id": "no", "type": "fail", "message": "enough", "code": "enough" }] },
    { "name": "acme", "path": "/hooks/acme", "provider": "github", "secret": "hush-hush-hush", "reconcile": { "every": "15m", "lookback": "1h", "from": {
      "integration": "events", "action": "list", "params": {}, "items": "data", "id": "id", "type": "type", "created": "created" } } }],
  "destinations": [{ "name": "shop", "url": %q, "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "types": ["*"] }],
  "egress": { "allow": ["127.0.0.1"] },
  "workflows": [
    { "id": "sets", "steps": [{ "id": "s", "type": "set", "values": {} }] },
    { "id": "waits", "steps": [{ "id": "w", "type": "waitForEvent", "event": "go" }] },
    { "id": "asks", "steps": [{ "id": "each", "type": "foreach", "items": ["{{input.user}}"], "steps": [{ "id": "ask", "type": "crm", "action": "getUser", "params": { "userId": "{{item}}" } }] }] },
    { "id": "tries", "steps": [{ "id": "ask", "type": "flaky", "action": "get", "retry": { "initialInterval": "1h", "maxInterval": "1h", "maxAttempts": 3 } }] }
  ]
}`, access.HashOf(apiToken), plugins, secretKey, webhookSecret, crm, crm+"/hook")
}

// logged returns the records of the log of a level about a run.
func logged(t *testing.T, g *program.Gateway, level, run string) []map[string]any {
	t.Helper()
	var records []map[string]any
	_, log := g.Output()
	for line := range strings.Lines(log) {
		var record map[string]any
		if json.Unmarshal([]byte(line), &record) == nil && record["level"] == level && record["run"] == run {
			records = append(records, record)
		}
	}
	return records
}

// TestWhatAGatewayDoesIsSeen: the log has one warning for a run that failed and one
// line for a step that begins to be tried again; /metrics has what happened, and
// docs/operations.md each of its metrics, and no other.
func TestWhatAGatewayDoesIsSeen(t *testing.T) {
	t.Parallel()
	crm := newCRM(t)
	site := program.NewSite(t, binaries)
	config := observedConfig(site.Plugins, crm.URL)
	// Nothing listens there: a call is tried again.
	list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data":[]}`)
	}))
	t.Cleanup(list.Close)
	config = strings.Replace(config, `"customIntegrations": [`, `"customIntegrations": [{ "name": "events", "baseUrl": "`+list.URL+`", "actions": { "list": { "method": "GET", "path": "/" } } }, { "name": "flaky", "baseUrl": "http://127.0.0.1:1", "actions": { "get": { "method": "GET", "path": "/" } } }, `, 1)
	site.WriteConfig("backflow.json", config)
	g := site.Serve(apiToken)

	start := func(workflow, query, input string) string {
		t.Helper()
		response := g.Post("/workflows/"+workflow+"/runs"+query, input, "X-Request-Id", "request-of-"+workflow)
		if response.Status >= 300 {
			t.Fatalf("%d %s", response.Status, response.Body)
		}
		return response.Text("id")
	}
	start("sets", "?wait=20s", `{}`)
	start("waits", "", `{}`)
	failed := start("asks", "?wait=20s", `{"user":"0042-4242"}`)
	tried := start("tries", "", `{}`)
	event := program.StripeDelivery(program.StripeEvent("evt_1", "payment_intent.succeeded", 2000), webhookSecret, time.Now())
	event.Path = "/hooks/stripe"
	program.Want(t, 200, g.Do(event))
	g.Do(program.Request{Method: "POST", Path: "/hooks/stripe", Body: `{}`})
	g.Get("/no/such/path")
	program.Want(t, 200, g.Post("/integrations/webhook/actions/send", `{"destination":"shop","type":"a.b","data":{}}`))

	testkit.Eventually(t, 20*time.Second, "the step is tried again", func() bool { return len(logged(t, g, "INFO", tried)) == 1 })
	record := logged(t, g, "INFO", tried)[0]
	if record["msg"] != "a step is tried again" || record["workflow"] != "tries" || record["step"] != "ask" || record["attempt"] != 1.0 ||
		record["maxAttempts"] != 3.0 || record["code"] != "unavailable" || record["retryAt"] == nil || record["requestId"] != "request-of-tries" {
		t.Errorf("the line for a step that is tried again is %v", record)
	}
	if run := program.Want(t, 200, g.Get("/runs/"+tried)); run.Text("waitingFor") != "retry" || run.Text("error.code") != "unavailable" || run.Text("startedBy.token") != "shop" {
		t.Errorf("the run is %s", run.Body)
	}
	warnings := logged(t, g, "WARN", failed)
	if len(warnings) != 1 {
		t.Fatalf("warnings of the run that failed: %v", warnings)
	}
	delete(warnings[0], "time")
	detail, _ := warnings[0]["detail"].(string)
	want := map[string]any{
		"level": "WARN", "msg": "a run failed", "run": failed, "workflow": "asks", "step": "each[0].ask", "code": "credentials_refused",
		"detail": detail, "integration": "crm", "token": "shop", "requestId": "request-of-asks",
	}
	if got, want := fmt.Sprint(warnings[0]), fmt.Sprint(want); got != want || detail == "" {
		t.Errorf("the warning is %s\nwant %s", got, want)
	}
	_, log := g.Output()
	for _, hidden := range []string{"0042-4242", "crm_another"} {
		if strings.Contains(log, hidden) {
			t.Errorf("%s is in the log", hidden)
		}
	}

	// A process is looked at every few seconds.
	var page string
	testkit.Eventually(t, 30*time.Second, "the memory of plugins is known, and the run of the event is counted", func() bool {
		page = string(program.Want(t, 200, g.Get("/metrics")).Body)
		return strings.Contains(page, "backflow_plugin_memory_bytes{") && strings.Contains(page, "backflow_reconcile_success_age_seconds{") &&
			strings.Contains(page, "backflow_destination_attempt_duration_seconds_count{") && strings.Contains(page, `backflow_events_ended_total{status="failed",webhook="hook"} 1`)
	})
	for _, series := range []string{
		`backflow_runs_total{status="succeeded",workflow="sets"} 1`,
		`backflow_runs_total{status="failed",workflow="asks"} 1`,
		`backflow_runs_total{status="failed",workflow="webhook:hook"} 1`,
		`backflow_runs{status="waiting",workflow="waits"} 1`,
		`backflow_runs{status="waiting",workflow="tries"} 1`,
		`backflow_steps_total{action="getUser",integration="crm",outcome="failed",workflow="asks"} 1`,
		`backflow_step_retries_total{action="get",integration="flaky",workflow="tries"} 1`,
		`backflow_queue_length{workflow="sets"} 0`,
		`backflow_events_total{outcome="received",reason="",webhook="hook"} 1`,
		`backflow_events_total{outcome="refused",reason="signature",webhook="hook"} 1`,
		`backflow_http_requests_total{method="POST",route="/workflows/{workflow}/runs",status="2xx"} 4`,
		`backflow_http_requests_total{method="GET",route="unmatched",status="4xx"} 1`,
		`backflow_http_requests_total{method="POST",route="/hooks/stripe",status="4xx"} 1`,
		`backflow_store_errors_total{kind="unavailable",operation="commit"} 0`,
		`backflow_store_outage 0`,
		`backflow_schedule_lag_seconds{schedule="nightly"} 0`,
		`backflow_plugin_calls_total{code="credentials_refused",plugin="crm"} 1`,
		`backflow_plugin_state{plugin="crm",state="ready"} 1`,
		`backflow_plugin_state{plugin="stripe",state="ready"} 1`,
	} {
		if !strings.Contains(page, series+"\n") {
			t.Errorf("metrics have no %s", series)
		}
	}
	// Of the page, only the labels: any digits may be in a measured value.
	labels := strings.Join(regexp.MustCompile(`(?m)^\w+\{.*\} `).FindAllString(page, -1), "\n")
	if !strings.Contains(labels, `workflow="asks"`) {
		t.Errorf("the labels are %s", labels)
	}
	for _, brought := range []string{"no/such", "4242", failed} {
		if strings.Contains(labels, brought) {
			t.Errorf("%s, which a request brings, is in a label", brought)
		}
	}
	if diff := cmp.Diff(documentedMetrics(t), shownMetrics(page)); diff != "" {
		t.Errorf("docs/operations.md and /metrics differ (-documented +shown)\n%s", diff)
	}
}

// shownMetrics are the names of a gateway's own metrics.
func shownMetrics(page string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (backflow_\w+) `).FindAllStringSubmatch(page, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return names
}

func documentedMetrics(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(testkit.Root(), "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`backflow_[^|]*) \\|").FindAllStringSubmatch(string(page), -1) {
		for _, name := range regexp.MustCompile("`(backflow_\\w+)`").FindAllStringSubmatch(row[1], -1) {
			names = append(names, name[1])
		}
	}
	slices.Sort(names)
	return names
}
