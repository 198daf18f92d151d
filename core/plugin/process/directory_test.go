//go:build unix

package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
)

func TestADirectoryIsNeverLeftWithoutItsLock(t *testing.T) {
	t.Parallel()
	removeInUse(t, 20)
}

func TestADirectoryIsNeverLeftWithoutItsLockInManyRounds(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	removeInUse(t, 200)
}

// removeInUse removes directories in which a plugin still makes files: a plugin of a
// killed gateway ends a moment after it, and may make its socket until then.
func removeInUse(t *testing.T, rounds int) {
	t.Helper()
	for round := range rounds {
		path := filepath.Join(t.TempDir(), "bf-1")
		child := filepath.Join(path, strconv.Itoa(round))
		for _, dir := range []string{path, child} {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(path, lockName), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var plugin sync.WaitGroup
		begun := make(chan struct{})
		plugin.Go(func() {
			for i := range 200 {
				// It fails once the directory is gone, as it should.
				if os.Mkdir(filepath.Join(child, strconv.Itoa(i)), 0o700) != nil {
					return
				}
				if i == 0 {
					close(begun)
				}
			}
		})
		<-begun
		failed := remove(path)
		plugin.Wait()
		_, err := os.Stat(path)
		_, errLock := os.Stat(filepath.Join(path, lockName))
		if !errors.Is(err, fs.ErrNotExist) && errLock != nil {
			t.Fatalf("round %d: %s is left without its lock (%v)", round, path, failed)
		}
		if err := remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// startSleeper starts a process whose working directory is dir. It would run for long.
func startSleeper(t *testing.T, dir string) (*exec.Cmd, <-chan struct{}) {
	t.Helper()
	process := exec.Command("/bin/sleep", "600")
	process.Dir = dir
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of its plugin's group
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = process.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = process.Process.Kill() // it may have ended
		<-ended
	})
	return process, ended
}

func TestOrphansOfAKilledGatewayAreKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows where a process works")
	}
	t.Parallel()
	base := t.TempDir()
	dirs := make(map[string]string)
	for _, name := range []string{"dead", "alive"} {
		path := filepath.Join(base, directoryPrefix+name)
		dirs[name] = filepath.Join(path, "1")
		if err := os.MkdirAll(dirs[name], 0o700); err != nil {
			t.Fatal(err)
		}
		lock, err := os.Create(filepath.Join(path, lockName))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = lock.Close() }) // nothing was written to it
		if name == "alive" {
			if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, orphan := startSleeper(t, dirs["dead"])
	living, _ := startSleeper(t, dirs["alive"])
	stranger, _ := startSleeper(t, base)
	sweep(base)
	<-orphan
	for name, process := range map[string]*exec.Cmd{"of a living gateway": living, "of no gateway": stranger} {
		workingDir, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(process.Process.Pid), "cwd"))
		if err != nil || workingDir != process.Dir {
			t.Errorf("one %s was killed: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Dir(dirs["dead"])); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its directory: %v", err)
	}
}
