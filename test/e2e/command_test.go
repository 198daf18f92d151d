package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

func TestServeRefusesToStartWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	for _, example := range []string{"stripe.json", "stripe.redis.json"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			h := &harness{Site: program.NewSite(t, binaries)}
			h.WriteExample(example)
			code, stdout, stderr := h.Run("serve", "-c", h.Config(), "--listen", "127.0.0.1:0")
			if code != 1 || stdout != "" {
				t.Errorf("exit code %d, stdout %s", code, stdout)
			}
			place := regexp.MustCompile(regexp.QuoteMeta(h.Config()) + `:\d+:\d+: credentials\.stripe\.secretKey: .*STRIPE_SECRET_KEY.*\(export STRIPE_SECRET_KEY=`)
			if !place.MatchString(stderr) {
				t.Errorf("no place and hint for STRIPE_SECRET_KEY: %s", stderr)
			}
			// All at once.
			if got := strings.Count(stderr, "STRIPE_WEBHOOK_SECRET is not set"); got != 2 {
				t.Errorf("STRIPE_WEBHOOK_SECRET is told %d times, not at its 2 places: %s", got, stderr)
			}
			if left, err := filepath.Glob(filepath.Join(h.Dir, "configs", "data", "*")); err != nil || len(left) != 0 {
				t.Errorf("something was started: %v, %v", left, err)
			}
		})
	}
}

func TestServeRefusesEmptyAndPaddedSecrets(t *testing.T) {
	t.Parallel()
	h := &harness{Site: program.NewSite(t, binaries)}
	h.WriteExample("stripe.json")
	for _, secret := range []string{"", " ", " sk_test_padded", "sk_test_padded\n"} {
		h.withSecrets()
		h.Env["STRIPE_SECRET_KEY"] = secret
		code, _, stderr := h.Run("serve", "-c", h.Config(), "--listen", "127.0.0.1:0")
		if code != 1 || !strings.Contains(stderr, "credentials.stripe.secretKey") || strings.Contains(stderr, "sk_test_padded") {
			t.Errorf("secret %q: exit code %d: %s", secret, code, stderr)
		}
	}
}

func TestValidateTellsEveryFaultWithItsPlace(t *testing.T) {
	t.Parallel()
	h := &harness{Site: program.NewSite(t, binaries)}
	h.WriteExample("stripe.json")
	validate := func(args ...string) (int, string) {
		t.Helper()
		code, stdout, _ := h.Run(append([]string{"validate", "-c", h.Config()}, args...)...)
		return code, stdout
	}
	if code, out := validate("--allow-unset-env"); code != 0 {
		t.Errorf("--allow-unset-env: exit code %d: %s", code, out)
	}
	if code, out := validate(); code != 1 || !strings.Contains(out, "STRIPE_SECRET_KEY") {
		t.Errorf("unset environment: exit code %d: %s", code, out)
	}
	h.withSecrets()
	if code, out := validate(); code != 0 {
		t.Errorf("the example: exit code %d: %s", code, out)
	}
	if code, out := validate("--format", "json"); code != 0 || len(decode(t, out).([]any)) != 0 {
		t.Errorf("the example as JSON: exit code %d: %s", code, out)
	}

	h.WriteExample("stripe.json",
		program.Edit{Old: `"name": "{{input.name}}"`, New: `"nmae": "{{input.name}}", "phone": 5`},
		program.Edit{Old: `{{steps.create-customer.result.id}}`, New: `{{steps.create-custmer.result.id}}`},
		program.Edit{Old: `"provider": "stripe"`, New: `"provider": "stirpe"`},
		program.Edit{Old: `"action": "createPaymentIntent"`, New: `"action": "createPaymentIntnt"`},
		program.Edit{Old: `"webhooks": [`, New: `"webhook": [], "webhooks": [`},
	)
	code, out := validate()
	if code != 1 {
		t.Errorf("faults: exit code %d", code)
	}
	place := regexp.MustCompile(`^\S+stripe\.json:\d+:\d+: .`)
	for _, what := range []string{"nmae", "must be a string", "create-custmer", "stirpe", "createPaymentIntnt", `"webhook"`} {
		found := false
		for line := range strings.Lines(out) {
			found = found || strings.Contains(line, what) && place.MatchString(line)
		}
		if !found {
			t.Errorf("no line with a place tells %s:\n%s", what, out)
		}
	}
	if !strings.Contains(out, "did you mean") {
		t.Errorf("nothing is suggested:\n%s", out)
	}
	if code, _, stderr := h.Run("serve", "-c", h.Config(), "--listen", "127.0.0.1:0"); code != 1 || !strings.Contains(stderr, out) {
		t.Errorf("serve: exit code %d: %s", code, stderr)
	}
	code, out = validate("--format", "json")
	var faults []struct {
		File, Message string
		Line, Column  int
	}
	if err := json.Unmarshal([]byte(out), &faults); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code != 1 || len(faults) < 5 {
		t.Errorf("exit code %d: %s", code, out)
	}
	for _, fault := range faults {
		if fault.File == "" || fault.Message == "" || fault.Line == 0 || fault.Column == 0 {
			t.Errorf("a fault without its place: %+v in %s", fault, out)
		}
	}
}

// TestAWarningIsToldAndChangesNothing: by validate, and once by a gateway.
func TestAWarningIsToldAndChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.WriteConfig("page.json", `{ "pluginDirs": ["`+h.Plugins+`"], "credentials": { "stripe": { "secretKey": "sk_test_1" } },
  "webhooks": [{ "name": "w", "path": "/w", "provider": "stripe", "secret": "we_123456" }],
  "workflows": [{ "id": "hello", "input": { "type": "object", "properties": { "email": { "type": "string" } } },
    "steps": [{ "id": "s", "type": "set", "values": { "to": "{{input.emial}}" } }] }] }`)
	code, out, stderr := h.Run("validate", "-c", h.Config())
	for _, want := range []string{
		`page.json:2:77: warning: the secret of webhook "w" begins with we_`,
		`page.json:4:61: warning: the schema of input does not name "emial" (did you mean "email"?)`, "page.json is valid\n",
	} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit code %d, without %s:\n%s%s", code, want, out, stderr)
		}
	}
	code, out, _ = h.Run("validate", "-c", h.Config(), "-o", "json")
	var told []struct{ Message, Severity string }
	if err := json.Unmarshal([]byte(out), &told); err != nil || code != 0 || len(told) != 2 || told[0].Severity != "warning" || told[1].Severity != "warning" {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
	g := h.Serve("")
	if code := g.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if _, log := g.Output(); strings.Count(log, "warning about the config") != 2 || strings.Count(log, "begins with we_") != 1 {
		t.Errorf("the log holds the warnings not once each:\n%s", log)
	}
}

func TestValidateSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	h := &harness{Site: program.NewSite(t, binaries)}
	h.WriteConfig("hang.json", `{ "pluginDirs": ["../plugins"], "workflows": [{ "id": "w", "steps": [
  { "id": "a", "type": "anna", "action": "go" }, { "id": "b", "type": "bert", "action": "go" }] }] }`)
	for _, name := range []string{"anna", "bert"} {
		if err := os.WriteFile(filepath.Join(h.Plugins, "backflow-plugin-"+name), []byte("#!/bin/sh\nexec sleep 600\n"), 0o700); err != nil { // #nosec G306 -- it is a program
			t.Fatal(err)
		}
	}
	validate := h.Start("validate", "-c", h.Config())
	testkit.Eventually(t, eventually, "it says what it waits for", func() bool {
		_, stderr := validate.Output()
		return strings.Contains(stderr, "waiting for the manifest of anna, bert (a plugin has 30 seconds to start)")
	})
	if !validate.Running() {
		t.Error("it has ended already")
	}
	validate.Stop()
}

func TestANewTokenLetsInWhereItsLinesArePasted(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	code, out, stderr := h.Run("token", "new", "--name", "shop", "--scopes", "runs:read,integrations:database:select", "--tables", "payments,refunds")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	token, _, _ := strings.Cut(out, "\n")
	entry := out[strings.Index(out, "{"):]
	if strings.Contains(entry, token) {
		t.Error("the entry holds the token itself")
	}
	h.withStripe(t)
	h.edits = append(h.edits, program.Edit{Old: `"pluginDirs": ["../bin`, New: `"auth": { "tokens": [` + entry + `] }, "pluginDirs": ["../bin`})
	h.WriteExample(h.store, h.edits...)
	g := h.Serve(token)
	program.Want(t, 200, g.Get("/runs"))
	program.Want(t, 403, g.Post(intents, goodIntent))
	program.Want(t, 200, g.Get("/integrations/database/tables/payments"))
	program.Want(t, 403, g.Get("/integrations/database/tables/others"))
	program.Want(t, 401, g.Do(program.Request{Method: "GET", Path: "/runs", Token: token + "x"}))
}

func TestCommandsFindTheGatewayOfDev(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := sandbox(h)
		code, out, stderr := h.Run("workflow", "run", "process-order", "--input", order, "--wait")
		if code != 0 {
			t.Fatalf("workflow run: exit code %d: %s", code, stderr)
		}
		// An event on each line, and the run on the last one.
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if first := decode(t, lines[0]).(map[string]any); first["type"] != "started" {
			t.Errorf("the first event is %s", lines[0])
		}
		run := decode(t, lines[len(lines)-1]).(map[string]any)
		if run["status"] != "succeeded" {
			t.Errorf("the run is %s", out)
		}
		id, _ := run["id"].(string)
		if code, out, _ := h.Run("runs", "show", id); code != 0 || !strings.Contains(out, "create-payment") || !strings.Contains(out, "succeeded") {
			t.Errorf("runs show: exit code %d: %s", code, out)
		}
		if code, out, _ := h.Run("runs", "show", id, "--format", "json"); code != 0 || decode(t, out).(map[string]any)["id"] != id {
			t.Errorf("runs show --format json: exit code %d: %s", code, out)
		}
		if code, out, _ := h.Run("runs", "watch", id); code != 0 || !strings.HasSuffix(out, lines[len(lines)-1]+"\n") {
			t.Errorf("runs watch: exit code %d: %s", code, out)
		}
		if code, out, _ := h.Run("runs", "list", "--workflow", "process-order", "--since", "1h"); code != 0 || !strings.Contains(out, id) {
			t.Errorf("runs list: exit code %d: %s", code, out)
		}
		if code, out, stderr := h.Run("runs", "retry", id); code != 1 || out != "" || !strings.Contains(stderr, "409") {
			t.Errorf("a retry of a run that succeeded: exit code %d: %s%s", code, out, stderr)
		}
		if code, out, _ := h.Run("workflow", "list"); code != 0 || !strings.Contains(out, "process-order") {
			t.Errorf("workflow list: exit code %d: %s", code, out)
		}
		code, drawn, _ := h.Run("workflow", "graph", "process-order")
		if offCode, offline, _ := h.Run("workflow", "graph", "process-order", "-c", h.Config()); code != 0 || offCode != 0 || drawn != offline || !strings.Contains(drawn, "stripe.createCustomer") {
			t.Errorf("workflow graph: exit codes %d and %d: %s%s", code, offCode, drawn, offline)
		}
		if code, out, _ := h.Run("workflow", "run", "process-order", "--input", order); code != 0 || decode(t, out).(map[string]any)["id"] == "" {
			t.Errorf("workflow run without --wait: exit code %d: %s", code, out)
		}
		if code, _, stderr := h.Run("runs", "show", "01a20000-0000-7000-8000-000000000000"); code != 1 || !strings.Contains(stderr, "404") {
			t.Errorf("a run that is not there: exit code %d: %s", code, stderr)
		}
		if code, _, stderr := h.Run("workflow", "run", "process-order", "--input", `{"email":"a@example.com","name":"n","amount":-1}`, "--wait"); code != 1 {
			t.Errorf("a run that fails: exit code %d: %s", code, stderr)
		}
		code, out, stderr = h.Run("trigger", "stripe", "payment_intent.succeeded", "--set", "data.object.amount=4200", "--set", "data.object.id=pi_triggered")
		if code != 0 || decode(t, out).(map[string]any)["received"] != true {
			t.Fatalf("trigger: exit code %d: %s%s", code, out, stderr)
		}
		// The sandbox has sent events of its own: of customers and payments that were made.
		testkit.Eventually(t, eventually, "the event is processed", func() bool { return len(h.payments(t)) > 0 })
		if got := h.payments(t); len(got) != 1 || got[0] != (payment{"pi_triggered", "integer", 4200}) {
			t.Errorf("the rows are %v", got)
		}
		if code, _, stderr := h.Run("trigger", "stripe", "payment_intent.suceeded"); code != 1 || !strings.Contains(stderr, "payment_intent.succeeded") {
			t.Errorf("a misspelt event: exit code %d: %s", code, stderr)
		}
		code, out, stderr = h.Run("status", "-o", "json")
		status, _ := decode(t, out).(map[string]any)
		if code != 0 || status["ready"] != true || status["version"] == "" || len(status["integrations"].([]any)) != 2 || len(status["failed"].([]any)) == 0 || status["unknown"] != nil {
			t.Errorf("status: exit code %d: %s%s", code, out, stderr)
		}
		if code, out, _ := h.Run("status"); code != 0 || !strings.Contains(out, "ready") || !strings.Contains(out, "process-order") {
			t.Errorf("status: exit code %d: %s", code, out)
		}
		g.Kill()
		if code, _, _ := h.Run("runs", "show", id); code != 1 {
			t.Errorf("without a gateway: exit code %d", code)
		}
		if code, _, stderr := h.Run("status"); code != 1 || !strings.Contains(stderr, "no gateway listens at "+g.URL) {
			t.Errorf("status without a gateway: exit code %d: %s", code, stderr)
		}
	})
}

func TestTriggerSendsToAnyGateway(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	h.Env["BACKFLOW_URL"] = g.URL
	for _, args := range [][]string{
		{"-c", h.Config()},
		{"--secret", webhookSecret, "--path", "/webhooks/stripe", "--plugin-dir", h.Plugins},
	} {
		code, out, stderr := h.Run(append([]string{"trigger", "stripe", "payment_intent.succeeded"}, args...)...)
		if code != 0 || !strings.Contains(out, `"received":true`) {
			t.Errorf("%v: exit code %d: %s%s", args, code, out, stderr)
		}
	}
	h.settled(t, g, 2)
	if code, _, _ := h.Run("trigger", "stripe", "payment_intent.succeeded", "--secret", "whsec_wrong", "--path", "/webhooks/stripe", "--plugin-dir", h.Plugins); code != 1 {
		t.Errorf("a wrong secret: exit code %d", code)
	}
}

// TestTriggerSendsALifeCycle: the events of it in order, each of them accepted, and
// the named one with what was set.
func TestTriggerSendsALifeCycle(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	h.Env["BACKFLOW_URL"] = g.URL
	signed := []string{"--secret", webhookSecret, "--path", "/webhooks/stripe", "--plugin-dir", h.Plugins}
	send := func(args ...string) (code int, out, stderr string) {
		return h.Run(append(append([]string{"trigger", "stripe"}, args...), signed...)...)
	}
	code, out, stderr := send("payment_intent.succeeded", "--chain", "--set", "data.object.amount=4200", "--set", "data.object.id=pi_chained")
	if code != 0 || strings.Count(out, `"received":true`) != 3 {
		t.Fatalf("exit code %d: %s%s", code, out, stderr)
	}
	for i, eventType := range []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"} {
		if line := strings.Split(out, "\n")[i]; !strings.HasSuffix(line, "("+eventType+")") {
			t.Errorf("line %d is %s", i+1, line)
		}
	}
	h.settled(t, g, 3)
	if got := h.payments(t); len(got) != 1 || got[0] != (payment{"pi_chained", "integer", 4200}) {
		t.Errorf("the rows are %v", got)
	}
	code, out, stderr = send("charge.refunded", "--chain", "-o", "json")
	if list, ok := decode(t, out).([]any); code != 0 || !ok || len(list) != 5 {
		t.Errorf("-o json: exit code %d: %s%s", code, out, stderr)
	}
	h.settled(t, g, 8)
	signed[1] = "whsec_wrong"
	if code, out, stderr := send("payment_intent.succeeded", "--chain"); code != 1 || out != "" || !strings.Contains(stderr, "event 1 of 3 (payment_intent.created)") {
		t.Errorf("a wrong secret: exit code %d: %s%s", code, out, stderr)
	}
	for _, args := range [][]string{{"--plugin-dir", h.Plugins}, {"-c", h.Config()}} {
		code, out, stderr := h.Run(append([]string{"trigger", "stripe", "--list"}, args...)...)
		if lines := strings.Fields(out); code != 0 || len(lines) != 226 || !slices.Contains(lines, "topup.reversed") {
			t.Errorf("--list %v: exit code %d, %d types: %s", args, code, len(lines), stderr)
		}
	}
}

// TestTriggerSignsWithTheSecretThatServeVerifiesWith, also where it is in the
// credentials of the provider alone.
func TestTriggerSignsWithTheSecretThatServeVerifiesWith(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.edits = append(h.edits, program.Edit{Old: `"secret": "{{env.STRIPE_WEBHOOK_SECRET}}",`})
	g := h.serve(t)
	h.Env["BACKFLOW_URL"] = g.URL
	code, out, stderr := h.Run("trigger", "stripe", "payment_intent.succeeded", "-c", h.Config())
	if code != 0 || !strings.Contains(out, `"received":true`) {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	delete(h.Env, "STRIPE_WEBHOOK_SECRET")
	if code, _, stderr := h.Run("trigger", "stripe", "payment_intent.succeeded", "-c", h.Config()); code != 1 || !strings.Contains(stderr, "credentials.stripe.webhookSecret") {
		t.Errorf("without the secret: exit code %d: %s", code, stderr)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	h := &harness{Site: program.NewSite(t, binaries)}
	for _, c := range []struct {
		args string
		code int
	}{
		{"version", 0}, {"--version", 0}, {"version -o yaml", 0}, {"help", 0}, {"serve --help", 0}, {"", 0},
		{"nonsense", 2}, {"serve", 2}, {"dev", 2}, {"serve -c x --nonsense", 2}, {"version extra", 2},
		{"validate", 2}, {"validate -c x --format xml", 2}, {"validate -c x -o xml", 2}, {"token new", 2}, {"token new --name x --scopes nonsense", 2},
		{"workflow", 2}, {"workflow run", 2}, {"runs", 2}, {"runs show", 2}, {"runs watch", 2}, {"runs signal x", 2}, {"runs signal x y --body {", 2}, {"runs list --since nonsense", 2}, {"runs list --limit 0", 2}, {"workflow graph", 2}, {"workflow list --format xml", 2}, {"runs list -o", 2}, {"runs list --since 2999-01-01T00:00:00Z", 2}, {"plugin list -o junit", 2}, {"trigger stripe", 2}, {"trigger stripe x --list", 2}, {"trigger stripe x --secret s", 2}, {"token", 2},
		{"serve -c absent.json", 1}, {"dev -c absent.json", 1}, {"validate -c absent.json", 1},
		{"runs show x", 1}, {"runs list", 1}, {"runs cancel x", 1}, {"workflow graph x -c absent.json", 1}, {"workflow run x", 1}, {"trigger stripe payment_intent.succeeded", 1},
	} {
		code, stdout, stderr := h.Run(strings.Fields(c.args)...)
		if code != c.code {
			t.Errorf("backflow %s: exit code %d, want %d: %s%s", c.args, code, c.code, stdout, stderr)
		}
		// What validate finds is what it is asked for.
		if code != 0 && (stdout != "" && !strings.HasPrefix(c.args, "validate") || stderr == "") {
			t.Errorf("backflow %s: an error belongs on stderr alone: %q, %q", c.args, stdout, stderr)
		}
	}
	if _, out, _ := h.Run("version"); !strings.HasPrefix(out, "backflow ") {
		t.Errorf("version prints %q", out)
	}
}
