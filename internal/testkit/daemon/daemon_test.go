package daemon

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/internal/testkit"
)

// isChild is set for a child, which is this test binary again.
const isChild = "BACKFLOW_TEST_DAEMON_CHILD"

// TestMain runs a child where the environment says so, and the tests otherwise.
func TestMain(m *testing.M) {
	if os.Getenv(isChild) != "" {
		dir, err := os.MkdirTemp("", "backflow-daemon-")
		d := sleeper(dir)
		if err == nil {
			err = d.Start()
		}
		fmt.Println(dir, err)
		time.Sleep(time.Hour) // until it is killed
	}
	goleak.VerifyTestMain(m)
}

// sleeper is a server that writes its process id into the file "pid".
func sleeper(dir string) *Daemon {
	return &Daemon{Dir: dir, Last: "KILL", Command: []string{"sh", "-c", `echo started; echo $$ >pid.new; mv pid.new pid; exec sleep 3600`}}
}

func pid(t *testing.T, dir string) int {
	t.Helper()
	var number int
	testkit.Eventually(t, 10*time.Second, "the server has started", func() bool {
		content, err := os.ReadFile(filepath.Join(dir, "pid"))
		if err == nil {
			number, err = strconv.Atoi(strings.TrimSpace(string(content)))
		}
		return err == nil
	})
	return number
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, "the server has ended", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
}

func TestAServerEndsWithTheProcessThatStartedIt(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(program)
	child.Env = append(os.Environ(), isChild+"=1")
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	dir, started := strings.CutSuffix(line, " <nil>\n")
	if !started {
		t.Fatalf("the child says %q, %v", line, err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // it is gone, unless the test failed
	server := pid(t, dir)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	gone(t, server)
	testkit.Eventually(t, 10*time.Second, "its directory is gone", func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	})
}

func TestAKilledServerIsGoneAndItsFilesAreThere(t *testing.T) {
	d := sleeper(t.TempDir())
	for range 2 {
		if err := d.Start(); err != nil {
			t.Fatal(err)
		}
		if err := d.Start(); err == nil {
			t.Error("a server that runs was started again")
		}
		server := pid(t, d.Dir)
		if !d.Runs() || d.Ended() {
			t.Errorf("runs %t, ended %t", d.Runs(), d.Ended())
		}
		if err := d.Kill("KILL"); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(server, 0); err != syscall.ESRCH {
			t.Errorf("after Kill the process is there: %v", err)
		}
		if d.Runs() {
			t.Error("it runs")
		}
		if err := os.Remove(filepath.Join(d.Dir, "pid")); err != nil {
			t.Error(err)
		}
	}
	if err := d.Kill("KILL"); err != nil {
		t.Errorf("killed twice: %v", err)
	}
	if got := d.Output(); strings.Count(got, "started\n") != 2 {
		t.Errorf("output %q", got)
	}
}

func TestAServerThatEndsByItselfIsNotWaitedFor(t *testing.T) {
	d := &Daemon{Dir: t.TempDir(), Last: "KILL", Command: []string{"sh", "-c", "echo no such setting; exit 1"}}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	err := d.Await(time.Minute, func() error { return syscall.ECONNREFUSED })
	if err == nil || !strings.Contains(err.Error(), "it has ended") || !strings.Contains(err.Error(), "no such setting") {
		t.Error(err)
	}
	if err := d.Kill("KILL"); err != nil {
		t.Error(err)
	}
}
