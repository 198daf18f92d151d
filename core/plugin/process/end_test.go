package process_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/process"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

func TestNothingIsLeftAfterStop(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what a plugin leaves behind can only be found on Linux")
	}
	temp := shortTempDir(t)
	t.Setenv("TMPDIR", temp)
	var pids []string
	t.Run("life", func(t *testing.T) {
		p := startReady(t, fixture(""))
		pids = append(pids, call(t, p, "pid", `{}`), call(t, p, "spawn", `{}`))
		for _, pid := range pids {
			if !alive(pid) {
				t.Errorf("process %s does not run", pid)
			}
		}
	})
	for _, pid := range pids {
		eventually(t, "process "+pid+" ends", func() bool { return !alive(pid) })
	}
	if left := list(t, temp); len(left) != 0 {
		t.Errorf("left in the temporary directory: %v", left)
	}
}

// runHost starts a plugin, prints its process id, and waits to be killed.
func runHost() {
	launcher := process.NewLauncher()
	host, err := plugin.NewHost(plugin.Options{Launcher: launcher, Logger: slog.New(slog.DiscardHandler)}, []plugin.Member{{
		Spec:   plugin.Spec{Name: "fixture", Path: os.Getenv("TEST_AS_HOST")},
		Config: sdk.Config{Sandbox: true},
	}})
	if err == nil {
		err = host.Start(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p, _ := host.Plugin("fixture")
	result, err := p.Execute(context.Background(), action.Call{Action: "pid", Params: value.TrustedDoc([]byte(`{}`))})
	fmt.Println(string(result.Body), err)
	select {}
}

func TestNoPluginOutlivesAKilledHost(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	host := exec.Command(os.Args[0])
	temp := shortTempDir(t)
	host.Env = append(os.Environ(), "TEST_AS_HOST="+path("fixture"), "TMPDIR="+temp)
	host.Stderr = os.Stderr
	stdout, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, _, _ := strings.Cut(line, " ")
	if !alive(pid) {
		t.Fatalf("the host says %q", line)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// It was killed, which Wait reports as an error.
	_ = host.Wait()
	eventually(t, "the plugin ends with its host", func() bool { return !alive(pid) })

	// The next host removes what it could not remove. A living one keeps its own.
	t.Setenv("TMPDIR", temp)
	if left := list(t, temp); len(left) != 1 {
		t.Errorf("the killed host left %v", left)
	}
	living, next := process.NewLauncher(), process.NewLauncher()
	for _, launcher := range []*process.Launcher{living, next} {
		if _, err := plugin.Inspect(t.Context(), launcher, fixture("").Spec); err != nil {
			t.Error(err)
		}
	}
	if left := list(t, temp); len(left) != 2 {
		t.Errorf("two hosts live, and there is %v", left)
	}
	for _, launcher := range []*process.Launcher{living, next} {
		if err := launcher.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := list(t, temp); len(left) != 0 {
		t.Errorf("no host lives, and there is %v", left)
	}
}

// shortTempDir is a t.TempDir whose path has room for a socket.
func shortTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// list returns what is in a directory.
func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
