package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// records are the lines of a log in JSON.
func records(t *testing.T, log string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(log) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		all = append(all, record)
	}
	return all
}

func TestARefusedReloadTellsEachFaultInARecordOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	h.WriteExample(h.store, append([]program.Edit{
		{Old: `"action": "createCustomer"`, New: `"action": "createCustomr"`},
		{Old: `"action": "createPaymentIntent"`, New: `"action": "createPaymentIntnt"`},
	}, h.edits...)...)
	g.Signal(syscall.SIGHUP)
	testkit.Eventually(t, eventually, "the log says what is wrong", func() bool {
		_, log := g.Output()
		return strings.Contains(log, "createPaymentIntnt")
	})
	if code := g.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	_, log := g.Output()
	told := map[string]int{}
	for _, record := range records(t, log) {
		fault, ok := record["fault"].(string)
		if !ok {
			continue
		}
		for _, name := range []string{"createCustomr", "createPaymentIntnt"} {
			if strings.Contains(fault, name) {
				told[name]++
			}
		}
		if at, _ := record["at"].(string); !strings.HasPrefix(at, h.Config()+":") || strings.Contains(fault, "\n") || record["level"] != "ERROR" {
			t.Errorf("the record %v", record)
		}
	}
	if told["createCustomr"] == 0 || told["createCustomr"] != told["createPaymentIntnt"] {
		t.Errorf("told are %v in %s", told, log)
	}
}

func TestTheLastRecordOfACleanStopSaysSo(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	if code := g.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	_, log := g.Output()
	all := records(t, log)
	if last := all[len(all)-1]; last["msg"] != "stopped" {
		t.Errorf("the last record is %v", last)
	}
}

// databaseConfig is a config of the database plugin alone.
func databaseConfig(h *harness, credentials string) string {
	return fmt.Sprintf(`{ "pluginDirs": [%q], "credentials": { "database": %s } }`, h.Plugins, credentials)
}

func TestDevNamesWhatAnIntegrationWithoutSandboxNeeds(t *testing.T) {
	t.Parallel()
	w := &harness{Site: program.NewSite(t, binaries)}
	w.WriteConfig("shop.json", databaseConfig(w, `{ "url": "{{env.SHOP_DB}}{{env.SHOP_FILE}}" }`))
	code, _, stderr := w.Run("dev", "-c", w.Config(), "--listen", "127.0.0.1:0")
	want := `credentials.database.url: SHOP_DB, SHOP_FILE is not set, and integration "database" has no sandbox to run without it (export SHOP_DB=… SHOP_FILE=…)`
	if code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// TestDevRefusesALiveKey: before it opens a state, and without a word of the key.
func TestDevRefusesALiveKey(t *testing.T) {
	t.Parallel()
	w := &harness{Site: program.NewSite(t, binaries)}
	const said = "credentials.stripe.secretKey: is a live key, with which dev would move real money"
	for credentials, want := range map[string]string{
		`{ "secretKey": "sk_live_hunter2" }`:                                        said,
		`{ "secretKey": "rk_live_hunter2", "webhookSecret": "whsec_1" }`:            said,
		`{ "secretKey": "{{env.SHOP_KEY}}", "webhookSecret": "{{env.SHOP_HOOK}}" }`: said, // the sandbox would be for the other
		`{ "secretKey": "sk_org_live_hunter2" }`:                                    said,
		`{ "secretKey": "sk_live_hunter2", "apiBase": "http://127.0.0.1:1" }`:       said,
		`{ "secretKey": " sk_live_hunter2\n" }`:                                     said,
		`{ "secretKey": "{{env.SHOP_KEY_LF}}" }`:                                    "surrounded by white space",
	} {
		w.Env["SHOP_KEY"], w.Env["SHOP_KEY_LF"] = "rk_live_hunter2", "sk_live_hunter2\n"
		w.WriteConfig("shop.json", fmt.Sprintf("{ \"pluginDirs\": [%q],\n  \"credentials\": { \"stripe\":\n %s } }", w.Plugins, credentials))
		code, stdout, stderr := w.Run("dev", "-c", w.Config(), "--listen", "127.0.0.1:0")
		if code != 1 || !strings.Contains(stderr, w.Config()+":3:17: ") || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d: %s", credentials, code, stderr)
		}
		if strings.Contains(stdout+stderr, "hunter2") || strings.Contains(stdout, "listening") {
			t.Errorf("%s: it shows:\n%s%s", credentials, stdout, stderr)
		}
		if found, err := filepath.Glob(filepath.Join(w.Dir, ".backflow", "[^.]*")); err != nil || len(found) > 0 {
			t.Errorf("%s: it has made %v, %v", credentials, found, err)
		}
	}
}

func TestServeTakesALiveKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.withStripe(t)
	h.Env["STRIPE_SECRET_KEY"] = "rk_live_e2eKeyOfTheShop"
	h.edits = append(h.edits, letIn("*"))
	h.WriteExample(h.store, h.edits...)
	program.Want(t, 200, h.Serve(apiToken).Post("/integrations/stripe/customers", `{"email":"ada@example.com"}`))
}

func TestAReloadOfDevWithALiveKeyLeavesTheConfigInForce(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := sandbox(h)
	h.WriteExample(h.store, append([]program.Edit{rename("never"), {
		Old: `"secretKey": "{{env.STRIPE_SECRET_KEY}}"`, New: `"secretKey": "sk_live_hunter2"`,
	}}, h.edits...)...)
	g.Signal(syscall.SIGHUP)
	testkit.Eventually(t, eventually, "the log says what is wrong", func() bool {
		_, log := g.Output()
		return strings.Contains(log, "credentials.stripe.secretKey: is a live key")
	})
	program.Want(t, 404, g.Get("/workflows/never"))
	program.Want(t, 200, g.Get("/workflows/process-order"))
	program.Want(t, 200, g.Post("/integrations/stripe/customers", `{"email":"ada@example.com"}`))
	if stdout, log := g.Output(); strings.Contains(stdout+log, "hunter2") {
		t.Error("the key shows")
	}
}

func TestCredentialsThatAPluginWouldRefuseAreFaultsOfTheConfig(t *testing.T) {
	t.Parallel()
	w := &harness{Site: program.NewSite(t, binaries)}
	w.WriteConfig("file", "")
	for credentials, says := range map[string]string{
		`"database": { "migrations": "migration" }`:               "credentials.database.migrations: there is no such folder",
		`"database": { "migrations": "file" }`:                    "credentials.database.migrations: is not a folder",
		`"database": { "url": "oracle://shop:hunter2@db/shop" }`:  `credentials.database.url: must match the pattern "^(sqlite|mysql|mariadb|postgres|postgresql)://."`,
		`"database": { "url": "sqlite://app.db " }`:               "credentials.database.url: is surrounded by white space",
		`"stripe": { "secretKey": "sk_test_hunter2\n" }`:          "credentials.stripe.secretKey: is surrounded by white space",
		`"stripe": { "secretKey": "", "webhookSecret": "whsec" }`: "credentials.stripe.secretKey: must have at least 1 character, not 0",
	} {
		w.WriteConfig("shop.json", fmt.Sprintf("{ \"pluginDirs\": [%q],\n  \"credentials\": { %s } }", w.Plugins, credentials))
		validated, faults, _ := w.Run("validate", "-c", w.Config())
		served, _, log := w.Run("serve", "-c", w.Config(), "--listen", "127.0.0.1:0")
		if validated != 1 || !strings.HasPrefix(faults, w.Config()+":2:") || !strings.Contains(faults, says) {
			t.Errorf("%s: validate: exit code %d: %s", credentials, validated, faults)
		}
		if served != 1 || !strings.Contains(log, w.Config()+":2:") || !strings.Contains(log, says) {
			t.Errorf("%s: serve: exit code %d: %s", credentials, served, log)
		}
		if strings.Contains(faults+log, "hunter2") {
			t.Errorf("%s: a secret shows: %s%s", credentials, faults, log)
		}
	}
	w.WriteConfig("shop.json", databaseConfig(w, `{ "url": "sqlite://app.db", "migrations": "./migrations" }`))
	if code, out, _ := w.Run("validate", "-c", w.Config()); code != 0 {
		t.Errorf("what is right: exit code %d: %s", code, out)
	}
}

func TestWhatIsWrongWithAFlagIsAFaultOfUsage(t *testing.T) {
	t.Parallel()
	w := &harness{Site: program.NewSite(t, binaries)}
	w.WriteConfig("input.json", "{\n  \"a\": 1,\n  \"a\": 2\n}")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"token", "new", "--name", "", "--scopes", "*"}, 2, "--name is empty"},
		{[]string{"token", "new", "--name", " ", "--scopes", "*"}, 2, "--name is empty"},
		{[]string{"workflow", "run", "x", "--input", "{bad"}, 2, "--input:1:2: not JSON"},
		{[]string{"workflow", "run", "x", "--input", ""}, 2, "--input is empty"},
		{[]string{"workflow", "run", "x", "--input", "{} {}"}, 2, "--input:1:4: not JSON"},
		{[]string{"workflow", "run", "x", "--input", "@" + w.Config()}, 2, "--input " + w.Config() + ":3:"},
		{[]string{"workflow", "run", "x", "--input", "@absent.json"}, 1, "absent.json"},
		{[]string{"runs", "signal", "x", "y", "--body", "{"}, 2, "--body:1:2: not JSON"},
	} {
		code, out, stderr := w.Run(c.args...)
		if code != c.code || out != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: exit code %d: %s%s", c.args, code, out, stderr)
		}
	}
}
