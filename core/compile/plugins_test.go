package compile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeysOfOneKindOfPluginAreAFaultOfTheOther(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"backflow-plugin-a": "", "b.wasm": "",
		"config.json": `{ "pluginDirs": ["."], "plugins": [
			{ "name": "a", "memoryLimitMiB": 64, "allowedHosts": [] },
			{ "name": "b", "env": { "X": "y" }, "instances": 2 }
		] }`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Load(filepath.Join(dir, "config.json"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := p.Err().Error()
	for _, want := range []string{
		":2:57: plugin a is a process: allowedHosts is for WASM plugins (leave allowedHosts out)",
		"plugin b runs as WASM, which has no environment",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "instances") {
		t.Errorf("instances of a WASM plugin are refused:\n%s", got)
	}
}
