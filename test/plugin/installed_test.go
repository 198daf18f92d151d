package plugin

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// site is a directory with plugin files in all their states, and a config that
// names them.
func site(t *testing.T) (dir, config string) {
	t.Helper()
	dir = t.TempDir()
	link(t, "backflow-plugin-hello", filepath.Join(dir, "plugins", "backflow-plugin-hello"))
	link(t, "backflow-plugin-stripe", filepath.Join(dir, "plugins", "backflow-plugin-stripe"))
	write(t, filepath.Join(dir, "plugins", "backflow-plugin-plain"), "no program", 0o644)
	write(t, filepath.Join(dir, "plugins", "broken.wasm"), "no module", 0o644)
	config = filepath.Join(dir, "shop.json")
	write(t, config, fmt.Sprintf(`{
		"credentials": { "stripe": { "secretKey": "{{env.NOT_SET}}" } },
		"pluginDirs": ["plugins"],
		"plugins": [
			{ "name": "hello", "sha256": %q },
			{ "name": "stripe", "sha256": %q },
			{ "name": "gone", "path": "gone.wasm" }
		]
	}`, sum(t, "backflow-plugin-hello"), strings.Repeat("0", 64)), 0o644)
	return dir, config
}

func link(t *testing.T, file, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(built, file), path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// sum is the checksum that verify prints.
func sum(t *testing.T, file string) string {
	t.Helper()
	_, stdout, stderr := run(t, built, "plugin", "verify", filepath.Join(built, file), "--format", "json")
	var v struct{ SHA256 string }
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || len(v.SHA256) != 64 {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	return v.SHA256
}

func TestListTellsTheStateOfEachPlugin(t *testing.T) {
	t.Parallel()
	dir, config := site(t)
	code, stdout, stderr := run(t, dir, "plugin", "list", "-c", config, "--format", "json")
	var files []struct {
		Name, Kind, Path, Version, SHA256, State, Reason string
		Pinned                                           bool
	}
	if err := json.Unmarshal([]byte(stdout), &files); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	want := []struct {
		name, kind, version, state, reason string
		pinned                             bool
	}{
		{"broken", "wasm", "", "fails", "plugin broken: ", false},
		{"gone", "wasm", "", "missing", "gone.wasm", false},
		{"hello", "process", "1.0.0", "ok", "", true},
		{"plain", "process", "", "not executable", "chmod +x", false},
		{"stripe", "process", "", "other checksum", strings.Repeat("0", 64), true},
	}
	if len(files) != len(want) {
		t.Fatalf("got %+v", files)
	}
	for i, w := range want {
		f := files[i]
		if f.Name != w.name || f.Kind != w.kind || f.Version != w.version || f.State != w.state || f.Pinned != w.pinned || !strings.Contains(f.Reason, w.reason) {
			t.Errorf("got %+v, want %+v", f, w)
		}
		if filepath.Dir(f.Path) != filepath.Join(dir, "plugins") && w.name != "gone" {
			t.Errorf("%s is at %s", f.Name, f.Path)
		}
	}
	if !strings.Contains(stderr, "has faults: ") {
		t.Errorf("the config's faults are not mentioned: %q", stderr)
	}
	code, stdout, _ = run(t, dir, "plugin", "list", "--dir", filepath.Join(dir, "plugins"))
	if code != 0 || !strings.HasPrefix(stdout, "NAME    KIND     VERSION  PINNED  STATE ") || !strings.Contains(stdout, "\nhello   process  1.0.0    no      ok ") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}

func TestListTellsWhatThePinsAreMissing(t *testing.T) {
	t.Parallel()
	dir, _ := site(t)
	config := filepath.Join(dir, "pinned.json")
	write(t, config, `{ "pluginDirs": ["plugins"], "requirePinned": true }`, 0o644)
	_, stdout, _ := run(t, dir, "plugin", "list", "-c", config)
	if !strings.Contains(stdout, "\nhello   process           no      not pinned ") {
		t.Error(stdout)
	}
	code, stdout, stderr := run(t, dir, "plugin", "verify", "hello", "-c", config)
	if code != 0 || !strings.Contains(stdout, `{"name":"hello","sha256":"`) {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

func TestVerifyChecksTheSumAndPrintsTheEntryThatPins(t *testing.T) {
	t.Parallel()
	dir, config := site(t)
	path := filepath.Join(built, "backflow-plugin-hello")
	good, bad := sum(t, "backflow-plugin-hello"), strings.Repeat("f", 64)
	for name, c := range map[string]struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"a path":               {[]string{path}, 0, `{"name":"hello","path":"` + path + `","sha256":"` + good + `"}`, ""},
		"a name":               {[]string{"hello", "-c", config}, 0, `{"name":"hello","sha256":"` + good + `"}`, "has faults"},
		"the sum is right":     {[]string{path, "--sha256", "sha256:" + strings.ToUpper(good)}, 0, "protocol  1\nmanifest  valid: hello 1.0.0, 1 action\n", ""},
		"the sum is wrong":     {[]string{path, "--sha256", bad}, 1, "sha256  " + good, "expected sha256 " + bad + ", actual " + good},
		"the pin is wrong":     {[]string{"stripe", "-c", config}, 1, "state   other checksum", "expected sha256 000"},
		"it is no plugin":      {[]string{"plain", "--dir", filepath.Join(dir, "plugins")}, 1, "state  not executable", "chmod +x"},
		"it is not there":      {[]string{filepath.Join(dir, "x.wasm")}, 1, "", "no such file"},
		"nothing is called so": {[]string{"helo", "-c", config}, 1, "", `(did you mean "hello"?)`},
		"a sum that is none":   {[]string{path, "--sha256", "abc"}, 2, "", "--sha256 is 64 hexadecimal digits"},
		"a WASM module":        {[]string{filepath.Join(built, "wasm", "hello.wasm")}, 0, "kind      wasm\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, dir, append([]string{"plugin", "verify"}, c.args...)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
		})
	}
}

func TestInfoShowsWhatAPluginPublishes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code, stdout, stderr := run(t, dir, "plugin", "info", "stripe", "--dir", built, "--format", "json")
	var info struct {
		Name, Version, Kind, SHA256 string
		Protocol                    int
		Sandbox                     bool
		SecretFields                []string
		Credentials                 map[string]any
		Webhook                     struct{ EventTypes []string }
		Actions                     []struct {
			Name, Path, Repeat, KeyLifetime string
			HTTP                            struct{ Method, Path string }
			Writes                          bool
			Params                          map[string]any
			Examples                        []struct{ Params map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &info); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	if info.Name != "stripe" || info.Kind != "process" || info.Protocol != 1 || !info.Sandbox || len(info.SHA256) != 64 ||
		strings.Join(info.SecretFields, " ") != "secretKey webhookSecret" || len(info.Webhook.EventTypes) == 0 || info.Credentials["type"] != "object" {
		t.Errorf("got %+v", info)
	}
	if a := info.Actions[0]; a.Name != "createPaymentIntent" || a.Path != "/integrations/stripe/actions/createPaymentIntent" ||
		a.HTTP.Method != "POST" || a.HTTP.Path != "/integrations/stripe/payment-intents" || !a.Writes || a.Repeat != "native" ||
		a.KeyLifetime != "24h" || a.Params["type"] != "object" || len(a.Examples) == 0 {
		t.Errorf("got %+v", a)
	}
	code, stdout, stderr = run(t, dir, "plugin", "info", filepath.Join(built, "wasm", "hello.wasm"))
	if code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{"hello 1.0.0\n", "kind      wasm\n", "\nCREDENTIALS\n  none\n", "\nACTION greet\n", "POST /integrations/hello/greet\n", "name   string  required  Who is greeted."} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	_, stdout, _ = run(t, dir, "plugin", "info", "stripe", "--dir", built)
	if !strings.Contains(stdout, "  required, secret  ") {
		t.Errorf("secret fields are not marked:\n%s", stdout)
	}
	if _, stdout, _ = run(t, dir, "plugin", "info", "stripe", "createRefund", "--dir", built); !strings.HasPrefix(stdout, "ACTION createRefund\n") || strings.Count(stdout, "ACTION") != 1 {
		t.Errorf("one action is shown as\n%s", stdout)
	}
	if _, stdout, _ = run(t, dir, "plugin", "info", "stripe", "createRefund", "--dir", built, "-o", "json"); !strings.HasPrefix(stdout, "{\n  \"name\": \"createRefund\"") {
		t.Errorf("one action is shown as %s", stdout)
	}
	if code, _, stderr = run(t, dir, "plugin", "info", "stripe", "createRefnd", "--dir", built); code != 1 || !strings.Contains(stderr, `did you mean "createRefund"?`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
