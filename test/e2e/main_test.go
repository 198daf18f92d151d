// Package e2e drives the real programs as users do: by the command line, a
// config file and HTTP. It shows what the seed page and the contract promise,
// each on both example configs: state in SQLite and state in Redis.
package e2e

import (
	"os"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// binaries are built once, by TestMain, and only read from then on.
var binaries *program.Binaries

func TestMain(m *testing.M) {
	os.Exit(program.Main(m, func(b *program.Binaries, _ string) error {
		binaries = b
		return nil
	}))
}
