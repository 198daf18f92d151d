// Package operations drives every operation of Stripe's API through the real gateway,
// against Stripe's own mock, and compares what reaches the mock with what was meant.
//
// What is meant is read off Stripe's description here, and not by the plugin: params,
// and the fields that they become, have two authors.
package operations

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

var (
	// binaries are built once, by TestMain, and only read from then on.
	binaries *program.Binaries
	// mock is the path of stripe-mock.
	mock string
)

// The environment names another stripe-mock, and the description that belongs to it:
// `make test-stripe-newest` does.
const (
	envMock        = "BACKFLOW_STRIPE_MOCK"
	envDescription = "BACKFLOW_STRIPE_DESCRIPTION"
)

func TestMain(m *testing.M) {
	os.Exit(program.Main(m, func(b *program.Binaries, dir string) error {
		binaries, mock = b, os.Getenv(envMock)
		if mock != "" {
			return nil
		}
		mock = filepath.Join(dir, "stripe-mock")
		build := exec.Command("go", "build", "-o", mock, "github.com/stripe/stripe-mock")
		build.Dir = testkit.Root()
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build stripe-mock: %w\n%s", err, out)
		}
		return nil
	}))
}
