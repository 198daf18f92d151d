package testkit

import (
	"os"
	"path/filepath"
)

// Root is the repository: the nearest directory above the working directory
// that has a go.mod. It panics outside of one.
func Root() string {
	dir, err := os.Getwd()
	if err != nil {
		panic("testkit: " + err.Error())
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			panic("testkit: no go.mod above the working directory")
		}
		dir = parent
	}
}
