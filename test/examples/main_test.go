// Package examples runs every config of configs/examples with the real
// programs, by the commands that stand at the head of each.
package examples

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
