// Package thirdparty treats Backflow as a stranger does who writes plugins for it:
// it builds, tests and drops in plugins of other languages and of the examples,
// follows the tutorial, and calls what came of it through the real program.
package thirdparty

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
