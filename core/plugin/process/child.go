package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin/runner"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/internal/output"
)

// maxHandshake bounds the line that a plugin shakes hands with.
const maxHandshake = 4 << 10

// drainLimit is how long after a process's end its output is still read. A process
// that it started and left behind may hold the pipe open for ever.
const drainLimit = time.Second

// child is one plugin process: its start, its output and its end. To go-plugin it is
// a runner.
type child struct {
	thread *forkThread
	logger *slog.Logger
	dir    string
	cmd    *exec.Cmd

	handshake *io.PipeReader
	stderr    *output.Tail
	// exited is closed when the process has ended and its output is read.
	exited  chan struct{}
	reason  string
	printed int64  // bytes on standard output after the handshake
	line    string // of the handshake; valid once exited is closed

	mu sync.Mutex // guards what follows
	// running is true from the start until the process may have been reaped. From
	// then on its id may be another process's.
	running    bool
	begun      bool // it was started
	terminated bool // terminate was called, perhaps before the start
}

var _ runner.Runner = (*child)(nil)

func newChild(thread *forkThread, logger *slog.Logger, dir string) *child {
	return &child{thread: thread, logger: logger, dir: dir, stderr: &output.Tail{}, exited: make(chan struct{})}
}

// prepare sets what to run. The process has an empty standard input and a working
// directory of its own.
func (c *child) prepare(path string, environment []string) {
	c.cmd = &exec.Cmd{Path: path, Args: []string{path}, Env: environment, Dir: c.dir, SysProcAttr: processAttributes()}
}

// Start starts the process and the goroutines that wait for it.
func (c *child) Start(context.Context) error {
	stdout, stdoutWriter, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", c.cmd.Path, err)
	}
	stderr, stderrWriter, err := os.Pipe()
	if err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", c.cmd.Path, err), stdout.Close(), stdoutWriter.Close())
	}
	c.cmd.Stdout, c.cmd.Stderr = stdoutWriter, stderrWriter

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminated {
		err = errors.New("the start was given up")
	} else {
		err = c.thread.do(c.cmd.Start)
	}
	err = errors.Join(err, stdoutWriter.Close(), stderrWriter.Close())
	if err != nil {
		return errors.Join(explainStart(c.cmd.Path, err), stdout.Close(), stderr.Close())
	}
	c.begun, c.running = true, true

	var toHost *io.PipeWriter
	c.handshake, toHost = io.Pipe()
	var readers sync.WaitGroup
	readers.Go(func() { c.readStdout(stdout, toHost) })
	readers.Go(func() { c.readStderr(stderr) })
	go c.await(&readers, stdout, stderr)
	return nil
}

// await waits for the process's end and closes exited.
func (c *child) await(readers *sync.WaitGroup, output ...*os.File) {
	defer close(c.exited)
	if awaitExit(c.cmd.Process.Pid) {
		// Processes that it started and left behind end with it.
		killGroup(c.cmd.Process.Pid)
		c.setReaped()
	}
	err := c.cmd.Wait()
	c.setReaped()
	for _, file := range output {
		// A pipe can always be given a deadline.
		_ = file.SetReadDeadline(time.Now().Add(drainLimit))
	}
	readers.Wait()
	if state := c.cmd.ProcessState; state != nil {
		c.reason = state.String()
	} else {
		c.reason = err.Error()
	}
}

// setReaped forbids killing the process by its id from now on.
func (c *child) setReaped() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
}

// readStdout hands the first line to go-plugin and discards the rest, so that
// printing neither blocks a plugin nor has any effect.
func (c *child) readStdout(stdout *os.File, handshake *io.PipeWriter) {
	reader := bufio.NewReaderSize(stdout, maxHandshake)
	line, _ := reader.ReadSlice('\n')
	c.line = string(line)
	// It fails only if go-plugin waits no longer.
	_, _ = handshake.Write(line)
	_ = handshake.Close()
	if c.printed, _ = io.Copy(io.Discard, reader); c.printed > 0 {
		c.logger.Warn("the plugin printed to standard output, which is thrown away", "bytes", c.printed)
	}
	_ = stdout.Close()
}

func (c *child) readStderr(stderr *os.File) {
	lines := output.NewLines(c.logger, c.stderr)
	// It ends with the pipe. An error changes nothing.
	_, _ = io.Copy(lines, stderr)
	lines.Flush()
	_ = stderr.Close()
}

// terminate kills the process and its group. If it has not started yet, it never
// will.
func (c *child) terminate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.terminated = true
	if c.running {
		killGroup(c.cmd.Process.Pid)
	}
}

func (c *child) started() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun
}

// killed reports whether the process was ended by force. It is valid once
// exited is closed.
func (c *child) killed() bool {
	state, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && state.Signaled() && state.Signal() == syscall.SIGKILL
}

// exit is valid once exited is closed.
func (c *child) exit() plugin.Exit {
	state := c.cmd.ProcessState
	return plugin.Exit{Reason: c.reason, Clean: state != nil && state.Success(), Printed: c.printed, Stderr: c.stderr.String()}
}

// The methods that go-plugin calls on a runner follow.

// Wait waits for the process's end. exit says how it ended.
func (c *child) Wait(context.Context) error {
	<-c.exited
	return nil
}

// Kill kills the process and its group.
func (c *child) Kill(context.Context) error {
	c.terminate()
	return nil
}

// Stdout returns a reader of the handshake and nothing more.
func (c *child) Stdout() io.ReadCloser { return c.handshake }

// Stderr returns an empty reader: child reads standard error itself.
func (c *child) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name returns the file's path.
func (c *child) Name() string { return c.cmd.Path }

// ID returns the process id, "" before the start.
func (c *child) ID() string {
	if !c.started() {
		return ""
	}
	return strconv.Itoa(c.cmd.Process.Pid)
}

// Diagnose has nothing to add.
func (c *child) Diagnose(context.Context) string { return "" }

// PluginToHost accepts only a socket in the directory that the plugin was given: a
// plugin must not make the gateway connect to anything else.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	inside, err := filepath.Rel(c.dir, address)
	if network != "unix" || err != nil || !filepath.IsLocal(inside) {
		return "", "", fmt.Errorf("the plugin listens on %s %s instead of a unix socket where it was told to", network, address)
	}
	return network, address, nil
}

// HostToPlugin is for go-plugin's broker, which is not used.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
