package program

import (
	"testing"

	"github.com/backflow/backflow/internal/testkit"
)

// Main is testkit.Main for tests of the real programs: ready gets them built, with
// the directory in which they are.
func Main(m *testing.M, ready func(b *Binaries, dir string) error) int {
	return testkit.Main(m, func(dir string) error {
		binaries, err := Build(dir)
		if err != nil {
			return err
		}
		return ready(binaries, dir)
	})
}
