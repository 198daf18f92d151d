package dbserver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/daemon"
)

// template returns a data directory that has the users and no database of a test. It
// must not be changed. Making one takes a second, so it is kept in bin/test for each
// version of the server and each way to make it.
func (e *Engine) template(programs map[string]string, account daemon.Account) (string, error) {
	version, err := exec.Command(programs[e.Programs[0]], "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", e.Programs[0], err)
	}
	made := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", version, e.initialise(programs, "data"), e.Roles))
	kept := filepath.Join(testkit.Root(), "bin", "test", e.Name+"-"+hex.EncodeToString(made[:8]))
	if err := os.MkdirAll(filepath.Dir(kept), 0o750); err != nil {
		return "", err
	}
	unlock, err := testkit.Lock(kept + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(kept); err == nil {
		return kept, nil
	}
	// The account may have no way into bin/test.
	dir, err := newDir(account, "")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left is in the system's directory for such
	if err := e.makeTemplate(programs, account, dir); err != nil {
		return "", err
	}
	// One that was copied in part must not be taken for whole.
	half := kept + ".new"
	if err := errors.Join(os.RemoveAll(half), copyTree(filepath.Join(dir, "data"), half)); err != nil {
		return "", err
	}
	return kept, os.Rename(half, kept)
}

func (e *Engine) initialise(programs map[string]string, data string) []string {
	return e.Init(func(name string) string { return programs[name] }, data)
}

func (e *Engine) makeTemplate(programs map[string]string, account daemon.Account, dir string) error {
	command := account.Command(e.initialise(programs, filepath.Join(dir, "data"))...)
	initialise := exec.Command(command[0], command[1:]...)
	initialise.Dir = dir
	if output, err := initialise.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, output)
	}
	first := &instance{engine: e, programs: programs, account: account, dir: dir}
	if err := first.start(Options{}, e.Initial); err != nil {
		return err
	}
	return errors.Join(first.run(e.Initial, e.Roles), first.daemon.Kill(e.Stop))
}

// newDir makes a directory that the account can reach, in the system's directory for
// temporary files if parent is empty. That of testing.TB is closed to other accounts.
func newDir(account daemon.Account, parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, "backflow-server-")
	if err != nil {
		return "", err
	}
	return dir, account.Own(dir)
}

// inMemory is a directory in memory that has room for the data of a server of many tests,
// or empty where none is: what such a server syncs is otherwise most of their time.
func inMemory() string {
	const dir, room = "/dev/shm", 2 << 30
	var is syscall.Statfs_t
	if err := syscall.Statfs(dir, &is); err != nil || is.Bavail*uint64(is.Bsize) < room {
		return ""
	}
	return dir
}

// copyTree copies a directory, holes and all.
func copyTree(from, to string) error {
	if output, err := exec.Command("cp", "-R", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w\n%s", err, output)
	}
	return nil
}
