package program

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// stopLimit is how long a program may take to end when it is asked to.
const stopLimit = 45 * time.Second

// Child is a program that runs in a process group of its own, so that a signal
// for the test reaches the test alone, which then ends it in order.
type Child struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr output
	ended          chan struct{} // closed once cmd has ended
}

// Start runs a program, in a process group of its own, until the test ends.
func Start(t testing.TB, cmd *exec.Cmd) *Child {
	t.Helper()
	c := &Child{t: t, cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &c.stdout, &c.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second // for a child of it that holds its output open
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process, which the cleanup ends and waits for
		defer close(c.ended)
		_ = cmd.Wait() // ProcessState says how it ended
	}()
	t.Cleanup(func() {
		c.Kill()
		if t.Failed() {
			t.Logf("%v printed:\n%s%s", cmd.Args, c.stdout.String(), c.stderr.String())
		}
	})
	return c
}

// PID is the id of the process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Output is what the program has printed so far, on stdout and on stderr.
func (c *Child) Output() (stdout, stderr string) { return c.stdout.String(), c.stderr.String() }

// Running reports whether the program has not ended.
func (c *Child) Running() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// Kill ends the program as kill -9 does, unless it has ended, and waits until
// it is gone.
func (c *Child) Kill() {
	c.Signal(os.Kill)
	<-c.ended
}

// Signal sends a signal. To a program that has ended it does nothing.
func (c *Child) Signal(sig os.Signal) {
	if err := c.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.t.Errorf("%s: %s: %v", c.cmd.Path, sig, err)
	}
}

// Wait waits for the end of the program and returns its exit code. It must be
// called from the test's goroutine.
func (c *Child) Wait() int {
	c.t.Helper()
	select {
	case <-c.ended:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(stopLimit):
		c.t.Fatalf("%s has not ended within %s", c.cmd.Path, stopLimit)
		return -1
	}
}

// Stop ends the program by SIGTERM and returns its exit code.
func (c *Child) Stop() int {
	c.t.Helper()
	c.Signal(syscall.SIGTERM)
	return c.Wait()
}
