package plugin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checkedConfig is what the tests hold against the tables of a file.
const checkedConfig = `{
  "pluginDirs": ["$BUILT"],
  "credentials": {
    "ledger": { "file": "tables.json", "key": "{{env.LEDGER_KEY}}",
      "audit": "audits" }
  },
  "workflows": [{ "id": "order", "steps": [
    { "id": "known", "type": "ledger", "action": "insert", "params": { "table": "orders", "data": { "email": "{{input.email}}" } } },
    { "id": "made", "type": "ledger", "action": "insert", "params": { "table": "{{input.table}}", "data": "{{input.data}}" } },
    { "id": "astray", "type": "ledger", "action": "insert", "params": {
        "table": "order",
        "data": { "email": "a" } },
      "compensate": [{ "id": "undo", "type": "ledger", "action": "insert", "params": { "table": "orders",
        "data": { "emial": "{{input.email}}", "total/net": 1 } } }] }
  ] }],
  "webhooks": [{ "name": "paid", "path": "/webhooks/paid", "provider": "ledger", "secret": "{{env.NOT_SET}}", "actions": [
    { "type": "ledger", "action": "batch", "params": { "calls": [
      { "action": "insert", "params": { "table": "orders", "data": { "id": 1 } } },
      { "action": "insert", "params": { "table": "orders", "data": {
        "of": "{{results[0].id}}", "email": "{{payload.email}}" } } } ] } }
  ] }]
}`

// checked writes the config and the tables into a folder and runs the check there.
func checked(t *testing.T, tables string, args ...string) (dir string, code int, stdout, stderr string) {
	t.Helper()
	dir = t.TempDir()
	config := strings.ReplaceAll(checkedConfig, "$BUILT", built)
	for name, text := range map[string]string{"backflow.json": config, "tables.json": tables} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr = run(t, dir, append([]string{"db", "check"}, args...)...)
	if strings.Contains(stdout+stderr, "led9er-key") {
		t.Errorf("the secret is shown: %s%s", stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "made")); err == nil {
		t.Error("the plugin was not told to look only")
	}
	return dir, code, stdout, stderr
}

func TestAConfigThatFitsTheLiveTablesPasses(t *testing.T) {
	t.Setenv("LEDGER_KEY", "led9er-key")
	_, code, stdout, stderr := checked(t, `{"orders":["id","email","emial","of","total/net"],"order":["email"],"audits":[]}`)
	if want := "backflow.json: 5 uses of ledger checked\n"; code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
}

func TestWhatDoesNotFitTheLiveTablesIsToldAtItsPlace(t *testing.T) {
	t.Setenv("LEDGER_KEY", "led9er-key")
	_, code, stdout, stderr := checked(t, `{"orders":["id","email"]}`)
	want := []string{
		`backflow.json:5:16: credentials.ledger.audit: there is no table "audits"`,
		`backflow.json:11:18: ledger.insert: there is no table "order" (did you mean "orders"?)`,
		`backflow.json:14:28: ledger.insert: orders has no column "emial"`,
		`backflow.json:14:60: ledger.insert: orders has no column "total/net"`,
		`backflow.json:20:15: ledger.batch: orders has no column "of"`,
		`backflow.json: 5 uses of ledger checked`,
	}
	if got := strings.Split(strings.TrimSpace(stdout), "\n"); code != 1 || !slices.Equal(got, want) || stderr != "backflow: 5 faults\n" {
		t.Errorf("exit code %d, %s\n%s\nwant\n%s", code, stderr, stdout, strings.Join(want, "\n"))
	}
	for _, form := range [][]string{{"-o", "json"}, {"--format", "json"}} {
		_, code, stdout, _ = checked(t, `{"orders":["id","email"]}`, form...)
		var faults []struct {
			File, Message, Severity string
			Line, Column            int
		}
		if err := json.Unmarshal([]byte(stdout), &faults); err != nil || code != 1 || len(faults) != 5 {
			t.Fatalf("%v, exit code %d: %s", err, code, stdout)
		}
		if f := faults[4]; f.File != "backflow.json" || f.Line != 20 || f.Column != 15 || f.Severity != "error" || f.Message != `ledger.batch: orders has no column "of"` {
			t.Errorf("%+v", f)
		}
	}
}

func TestWhatCannotBeReachedOrIsNotSetIsToldAsThat(t *testing.T) {
	t.Run("it cannot be read", func(t *testing.T) {
		t.Setenv("LEDGER_KEY", "led9er-key")
		_, code, stdout, stderr := checked(t, "")
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "backflow: plugin ledger: check uses: the ledger cannot be read with ***: ") {
			t.Errorf("exit code %d, %q, %s", code, stdout, stderr)
		}
	})
	t.Run("a secret is not set", func(t *testing.T) {
		_, code, stdout, _ := checked(t, `{}`)
		if want := "backflow.json:4:47: credentials.ledger.key: LEDGER_KEY is not set\n"; code != 1 || stdout != want {
			t.Errorf("exit code %d, %s", code, stdout)
		}
	})
	t.Run("nothing can be checked", func(t *testing.T) {
		dir := t.TempDir()
		config := `{ "pluginDirs": ["` + built + `"], "workflows": [{ "id": "w", "steps": [{ "type": "hello", "action": "greet", "params": { "name": "Ada" } }] }] }`
		if err := os.WriteFile(filepath.Join(dir, "other.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := run(t, dir, "db", "check", "-c", "other.json")
		if code != 0 || stdout != "other.json: no integration that it names can check how it is used\n" {
			t.Errorf("exit code %d, %s%s", code, stdout, stderr)
		}
	})
	t.Run("the config is wrong", func(t *testing.T) {
		dir := t.TempDir()
		config := `{ "pluginDirs": ["` + built + `"], "workflows": [{ "id": "w", "steps": [
{ "type": "ledger", "action": "inset", "params": {} }] }] }`
		if err := os.WriteFile(filepath.Join(dir, "backflow.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, _ := run(t, dir, "db", "check")
		if code != 1 || !strings.Contains(stdout, `backflow.json:2:31: integration "ledger" has no action "inset" (did you mean "insert"?)`) || strings.Contains(stdout, "checked") {
			t.Errorf("exit code %d, %s", code, stdout)
		}
	})
}
