package process_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
)

func TestAFileThatIsNoPluginIsRefusedWithWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"not executable":            {"#!/bin/sh\nexit 0\n", 0o600, "the file may not be executed: chmod +x "},
		"lines of Windows":          {"#!/bin/sh\r\nexit 0\r\n", 0o700, `the lines of the script end as on Windows (CR LF)`},
		"no such interpreter":       {"#!/no/such/interpreter -x\n", 0o700, `the interpreter that its first line names, "/no/such/interpreter", is not there`},
		"empty":                     {"", 0o700, "the file is empty"},
		"a text":                    {"hello\n", 0o700, "a script begins with a line such as #!/bin/sh"},
		"a torn program":            {"\x7fELF\x02", 0o700, "the file is no program for "},
		"a module":                  {"\x00asm\x01\x00\x00\x00", 0o700, "the file is a WASM module: name it NAME.wasm"},
		"prints and goes on":        {"#!/bin/sh\necho ready to serve\nexec sleep 60\n", 0o700, `the plugin wrote "ready to serve" to standard output, which is for the handshake alone`},
		"prints and ends":           {"#!/bin/sh\necho bye\n", 0o700, `"bye" to standard output`},
		"prints without end":        {"#!/bin/sh\nexec yes\n", 0o700, `"y" to standard output`},
		"prints a dash of its own":  {"#!/bin/sh\necho 'a|b|c|d|e'\n", 0o700, `"a|b|c|d|e" to standard output`},
		"prints one line for ever":  {"#!/bin/sh\nwhile :; do printf abcdefgh; done\n", 0o700, `abcd…" to standard output`},
		"says nothing, and why not": {"#!/bin/sh\necho no database >&2\nexit 3\n", 0o700, "exit status 3: no database"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "backflow-plugin-broken")
			if err := os.WriteFile(path, []byte(c.content), c.mode); err != nil {
				t.Fatal(err)
			}
			p, _ := start(t, plugin.Member{Spec: plugin.Spec{Name: "broken", Path: path}})
			status := p.Status()
			if status.State != action.StateFailed || !strings.Contains(status.Reason, c.want) {
				t.Errorf("%s: %s", status.State, status.Reason)
			}
		})
	}
}
