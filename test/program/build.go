package program

import (
	"path/filepath"

	"github.com/backflow/backflow/internal/testkit"
)

// Binaries are the built programs.
type Binaries struct {
	// Backflow and Double are the paths of backflow and of the double of Stripe.
	Backflow, Double string
	plugins          map[string]string // paths by file name
}

// Build builds all programs into a directory, which is the caller's alone.
func Build(dir string) (*Binaries, error) {
	b := &Binaries{
		Backflow: filepath.Join(dir, "backflow"),
		Double:   filepath.Join(dir, "stripedouble"),
		plugins:  map[string]string{},
	}
	wanted := map[string]testkit.Program{
		"backflow":     {Source: "cmd/backflow"},
		"stripedouble": {Source: "test/stripedouble/cmd/stripedouble"},
	}
	for _, name := range []string{"stripe", "database"} {
		file := "backflow-plugin-" + name
		b.plugins[file] = filepath.Join(dir, file)
		wanted[file] = testkit.Program{Source: "plugins/" + name}
	}
	return b, testkit.Build(dir, wanted)
}

// WithFailpoints builds a backflow into a directory that ends itself where the
// environment's BACKFLOW_FAILPOINT says, and returns the binaries with it.
func (b *Binaries) WithFailpoints(dir string) (*Binaries, error) {
	failing := *b
	failing.Backflow = filepath.Join(dir, "backflow-failpoint")
	return &failing, testkit.Build(dir, map[string]testkit.Program{
		"backflow-failpoint": {Source: "cmd/backflow", Flags: []string{"-tags=failpoint"}},
	})
}
