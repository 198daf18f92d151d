// Package shop runs configs/shop with the real programs, from an empty folder, on each
// database that it is for: what its workflows, its webhook and its schedule promise, and
// what docs/shop.md says of them.
package shop

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
