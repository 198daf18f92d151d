package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Binaries are the built programs.
type Binaries struct {
	// Backflow and Double are the paths of backflow and of the double of Stripe.
	Backflow, Double string
	plugins          map[string]string // paths by file name
}

// Root is the repository: the nearest directory above the working directory
// that has a go.mod. It panics outside of one.
func Root() string {
	dir, err := os.Getwd()
	if err != nil {
		panic("program: " + err.Error())
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			panic("program: no go.mod above the working directory")
		}
		dir = parent
	}
}

// Build builds all programs into a directory, as a release is built: without
// cgo.
func Build(dir string) (*Binaries, error) {
	b := &Binaries{
		Backflow: filepath.Join(dir, "backflow"),
		Double:   filepath.Join(dir, "stripedouble"),
		plugins:  map[string]string{},
	}
	wanted := map[string]string{b.Backflow: "./cmd/backflow", b.Double: "./test/stripedouble/cmd/stripedouble"}
	for _, name := range []string{"stripe", "database"} {
		file := "backflow-plugin-" + name
		b.plugins[file] = filepath.Join(dir, file)
		wanted[b.plugins[file]] = "./plugins/" + name
	}
	for path, source := range wanted {
		if err := build(path, source); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// WithFailpoints builds a backflow into a directory that ends itself where the
// environment's BACKFLOW_FAILPOINT says, and answers the binaries with it.
func (b *Binaries) WithFailpoints(dir string) (*Binaries, error) {
	failing := *b
	failing.Backflow = filepath.Join(dir, "backflow-failpoint")
	return &failing, build(failing.Backflow, "./cmd/backflow", "-tags", "failpoint")
}

func build(path, source string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, source)...)
	cmd.Dir = Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", source, err, out)
	}
	return nil
}
