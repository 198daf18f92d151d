package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Daemon is a server that a test runs. Its process is started by a shell that reads
// from a pipe of the test's process. Where that ends, killed or not, the pipe is
// closed: the shell then ends the server and removes its directory. A parent-death
// signal would not do, since it follows the thread, and removes nothing.
//
// Start, Kill and Stop must not be called at the same time. No goroutine waits for the
// server, so that one may outlive the tests of a package that look for such.
type Daemon struct {
	// Dir is the server's own directory, and where it runs. What it prints is in "output" there.
	Dir string
	// Mounted: Dir is a file system of its own, which is unmounted before Dir is removed.
	Mounted bool
	// Account is what the server runs as.
	Account Account
	// Command is the program and its arguments.
	Command []string
	// Last is the signal by which the server ends with the test's process: KILL, or
	// what ends it as fast without leaving shared memory behind.
	Last string

	shell *exec.Cmd
	// orders is the pipe. It is kept here: one that nothing refers to is closed.
	orders io.WriteCloser
}

// supervise runs the command $4 and what follows. It reads one line, the name of a
// signal, and sends it; the end of input is the signal $3, and the directory $1 goes
// as well, which is unmounted first if $2 is not empty.
const supervise = `dir=$1 mounted=$2 last=$3; shift 3
exec 3<&0 </dev/null
"$@" 3<&- & server=$!
echo $server >"$dir/process"
( if read -r signal; then kill -"$signal" $server; else : >"$dir/orphaned"; kill -"$last" $server; fi ) <&3 & reader=$!
exec 3<&-
wait $server
kill $reader 2>&-
: >"$dir/ended"
if [ -e "$dir/orphaned" ]; then
  cd /
  [ -z "$mounted" ] || umount "$dir"
  rm -rf "$dir"
fi`

// Start starts the server, which need not serve yet when it returns.
func (d *Daemon) Start() error {
	if d.shell != nil {
		return errors.New("start: it runs already")
	}
	for _, old := range []string{"ended", "process"} {
		if err := os.Remove(filepath.Join(d.Dir, old)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	output, err := os.OpenFile(filepath.Join(d.Dir, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }() // the server has its own
	mounted := ""
	if d.Mounted {
		mounted = "yes"
	}
	args := []string{"-c", supervise, "supervise", d.Dir, mounted, d.Last}
	shell := exec.Command("sh", append(args, d.Account.Command(d.Command...)...)...)
	shell.Dir, shell.Stdout, shell.Stderr = d.Dir, output, output
	// What a terminal sends to the tests would otherwise reach the server too.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	orders, err := shell.StdinPipe()
	if err != nil {
		return err
	}
	if err := shell.Start(); err != nil {
		return err
	}
	d.shell, d.orders = shell, orders
	return nil
}

// Runs reports whether the server was started and neither killed nor stopped. It may have
// ended by itself, see Ended.
func (d *Daemon) Runs() bool { return d.shell != nil }

// Ended reports whether the server ended by itself.
func (d *Daemon) Ended() bool {
	_, err := os.Stat(filepath.Join(d.Dir, "ended"))
	return err == nil
}

// Kill ends the server by a signal, as "KILL", and waits until it is gone. Processes that
// the server started end at once after KILL, as on a machine that fails: they would
// otherwise serve for a moment. It does nothing where none runs.
func (d *Daemon) Kill(signal string) error {
	if d.shell == nil {
		return nil
	}
	end := func() {}
	if signal == "KILL" {
		end = d.holdChildren()
	}
	defer end()
	_, err := fmt.Fprintln(d.orders, signal)
	if errors.Is(err, syscall.EPIPE) { // it ended by itself
		err = nil
	}
	failed := d.shell.Wait() // closes orders
	d.shell, d.orders = nil, nil
	if _, ok := errors.AsType[*exec.ExitError](failed); ok {
		failed = nil // the status is that of the shell's last command
	}
	return errors.Join(err, failed)
}

// holdChildren keeps the server from starting further processes. What it returns kills
// those that it has started, where the system tells which they are.
func (d *Daemon) holdChildren() (end func()) {
	text, err := os.ReadFile(filepath.Join(d.Dir, "process"))
	if err != nil {
		return func() {} // it ended before it was started
	}
	server, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || d.Ended() {
		return func() {}
	}
	_ = syscall.Kill(server, syscall.SIGSTOP) // it may have ended
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", server))
	return func() {
		for _, child := range strings.Fields(string(children)) {
			if pid, err := strconv.Atoi(child); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
			}
		}
	}
}

// Output is what the server printed since it was first started, at most the last 16 KiB.
func (d *Daemon) Output() string {
	content, err := os.ReadFile(filepath.Join(d.Dir, "output"))
	if err != nil {
		return err.Error()
	}
	const most = 16 << 10
	return string(content[max(0, len(content)-most):])
}

// Await waits until a started server serves: until probe returns nil. It returns an error
// with the server's output where that ends, or does not serve within the limit.
func (d *Daemon) Await(limit time.Duration, probe func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := probe()
		switch {
		case err == nil:
			return nil
		case d.Ended():
			err = fmt.Errorf("it has ended: %w", err)
		case time.Now().Before(deadline):
			time.Sleep(5 * time.Millisecond)
			continue
		}
		return fmt.Errorf("%s: %w\n%s", filepath.Base(d.Command[0]), err, strings.TrimSpace(d.Output()))
	}
}
