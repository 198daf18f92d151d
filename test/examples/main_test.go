// Package examples runs every config of configs/examples with the real
// programs, by the commands that stand at the head of each.
package examples

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/test/program"
)

// binaries are built once, by TestMain, and only read from then on.
var binaries *program.Binaries

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "backflow-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is in the directory for temporary files
	if binaries, err = program.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
