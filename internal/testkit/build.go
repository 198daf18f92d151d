package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Program is a program of this module that tests build and run.
type Program struct {
	// Source is its package: a directory below Root.
	Source string
	// Flags are further flags of go build.
	Flags []string
	// Guest: it is built as a WASM plugin, not for this machine.
	Guest bool
}

// Build builds programs, without cgo as a release is, into a directory: the keys
// are the names of the files. The directory is the caller's alone.
//
// Linking takes longer than most tests. So the programs are built in bin/test,
// where go build finds what the tests of another package have just built, and
// are copied from there. It is safe for concurrent use, also by several processes.
func Build(dir string, programs map[string]Program) error {
	shared := filepath.Join(Root(), "bin", "test")
	if err := os.MkdirAll(shared, 0o750); err != nil {
		return fmt.Errorf("build programs for tests: %w", err)
	}
	for name, program := range programs {
		if err := program.build(shared, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func (p Program) build(shared, to string) error {
	built := filepath.Join(shared, p.sharedName())
	unlock, err := Lock(built + ".lock")
	if err != nil {
		return fmt.Errorf("build %s: %w", p.Source, err)
	}
	defer unlock()
	// The state of the working tree is left out: it would be in the program, which
	// would then be linked, and a guest compiled, after each commit.
	args := []string{"build", "-buildvcs=false", "-ldflags=-s -w", "-o", built}
	env := []string{"CGO_ENABLED=0"}
	if p.Guest {
		args = append(args, "-buildmode=c-shared")
		env = append(env, "GOOS=wasip1", "GOARCH=wasm")
	}
	if err := run(env, "go", append(append(args, p.Flags...), "./"+p.Source)...); err != nil {
		return fmt.Errorf("build %s: %w", p.Source, err)
	}
	// A link would not do: some tests write to their program. Another process copies,
	// so that none that the tests start meanwhile has the program open for writing.
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o750), run(nil, "cp", built, to)); err != nil {
		return fmt.Errorf("build %s: %w", p.Source, err)
	}
	return nil
}

// sharedName is the name of the program in bin/test: one for each way to build it.
func (p Program) sharedName() string {
	name := strings.ReplaceAll(strings.Join(append([]string{p.Source}, p.Flags...), "-"), "/", "-")
	if p.Guest {
		name += ".wasm"
	}
	return name
}

func run(env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = Root(), append(os.Environ(), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, output)
	}
	return nil
}

// Lock locks a file, which it makes, until unlock is called or the process ends. It
// waits for another process, and for another call of this one, that has the lock.
func Lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		_ = file.Close() // the first error counts
		return nil, err
	}
	return func() { _ = file.Close() }, nil // which unlocks it
}

// MachineCode is a directory below Root for the machine code of WASM plugins that
// tests run, which takes seconds to make. Each version of wazero needs its own; the
// program of a test does not know its version, and the programs do.
func MachineCode(version string) string {
	return filepath.Join(Root(), "bin", "test", "machinecode", version)
}
