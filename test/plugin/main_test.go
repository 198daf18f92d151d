// Package plugin drives `backflow plugin` as authors and operators do: our own
// plugins pass the conformance suite over the transports that they have, and the
// projects that `plugin new` makes build, pass their tests and pass the suite.
package plugin

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// Set by TestMain and only read from then on.
var (
	backflow string
	// built is the directory with the built plugins: stripe, database and hello
	// as processes, hello.wasm.
	built string
)

func TestMain(m *testing.M) {
	os.Exit(program.Main(m, func(b *program.Binaries, dir string) error {
		backflow, built = b.Backflow, dir
		return testkit.Build(dir, map[string]testkit.Program{
			"backflow-plugin-hello":  {Source: "sdk/examples/hello"},
			"backflow-plugin-ledger": {Source: "test/plugin/internal/ledger"},
			"wasm/hello.wasm":        {Source: "sdk/examples/hello", Guest: true},
		})
	}))
}

// run runs backflow in a directory and returns its exit code and output.
func run(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	cmd := exec.CommandContext(t.Context(), backflow, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &err
	// What is compiled of WASM modules is not kept in the user's cache.
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+testkit.MachineCode("programs"))
	if failure := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(failure)
	}
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}
