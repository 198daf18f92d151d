package program

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main is TestMain for tests of the real programs: it builds them once, into a
// directory that is removed at the end, hands both to ready, runs the tests, and
// fails when they leave a goroutine. It returns the exit code.
func Main(m *testing.M, ready func(b *Binaries, dir string)) int {
	dir, err := os.MkdirTemp("", "backflow-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is in the directory for temporary files
	binaries, err := Build(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ready(binaries, dir)
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
