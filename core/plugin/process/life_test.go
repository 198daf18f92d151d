package process_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/process"
	"github.com/backflow/backflow/sdk"
)

func TestEnvironmentIsTheConfigsAlone(t *testing.T) {
	t.Setenv("STRIPE_SECRET_KEY", "sk_live_of_the_host")
	member := fixture("")
	member.Spec.Env = with(member.Spec.Env, map[string]string{"GIVEN": "by the config"})
	if got := call(t, startReady(t, member), "environ", `{}`); got != `["GIVEN=by the config"]` {
		t.Errorf("got %s", got)
	}
}

func TestStatusOfAPluginThatCannotStart(t *testing.T) {
	sum, err := plugin.Checksum(path("fixture"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Repeat("0", 64)
	cases := map[string]struct {
		change func(*plugin.Member)
		state  action.State
		reason []string
	}{
		"wrong checksum": {
			func(m *plugin.Member) { m.Spec.SHA256 = wrong }, action.StateFailed,
			[]string{wrong, sum, `put "sha256": "` + sum + `"`},
		},
		"no such file":           {func(m *plugin.Member) { m.Spec.Path += "x" }, action.StateFailed, []string{"no such file"}},
		"wrong name":             {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "wrong-name" }, action.StateFailed, []string{`the plugin calls itself "other", its file "fixture"`}},
		"prints first":           {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "print-first" }, action.StateFailed, []string{"Hello from main"}},
		"ends first":             {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "exit-first" }, action.StateFailed, []string{"exit status 4: no config file"}},
		"listens where it likes": {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "elsewhere" }, action.StateFailed, []string{"instead of a unix socket where it was told to"}},
		"other protocol":         {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "other-protocol" }, action.StateFailed, []string{"Plugin version: 99, Client versions: [1]"}},
		"refuses its config, and quotes it": {
			func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "refuse-config" }, action.StateFailed,
			[]string{`configure: internal: vendor does not like {"key":"***"}`},
		},
		"crashes in Configure, and quotes it": {
			func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "crash-in-configure" }, action.StateFailed,
			[]string{`exit status 7: the key is {"key":"***"}`},
		},
		"credentials that the schema refuses": {
			func(m *plugin.Member) { m.Config.Credentials = json.RawMessage(`{"key":"wrong_s3cr3t","bse":1}`) }, action.StateFailed,
			[]string{"credentials.fixture.bse is not known", "credentials.fixture.key '***' does not match pattern"},
		},
		"no credentials": {
			func(m *plugin.Member) { m.Config.Credentials = nil }, action.StateUnconfigured,
			[]string{"credentials.fixture.key is missing"},
		},
		"no credentials, but the sandbox": {
			func(m *plugin.Member) { m.Config = sdk.Config{Sandbox: true} }, action.StateReady, nil,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			member := fixture("")
			c.change(&member)
			p, output := start(t, member)
			status := p.Status()
			if status.State != c.state {
				t.Errorf("status %+v", status)
			}
			for _, part := range c.reason {
				if !strings.Contains(status.Reason, part) {
					t.Errorf("reason %q does not hold %q", status.Reason, part)
				}
			}
			_, err := p.Execute(t.Context(), sdk.Call{Action: "echo", Params: json.RawMessage(`{}`)})
			if c.state != action.StateReady {
				var e *sdk.Error
				if !errors.As(err, &e) || e.Code != sdk.CodeUnavailable || e.Outcome != sdk.OutcomeNotExecuted {
					t.Errorf("a call answers %v", err)
				}
			}
			if all := fmt.Sprint(status, err, output); strings.Contains(all, "s3cr3t") {
				t.Errorf("a secret shows in %s", all)
			}
		})
	}
}

func TestUnconfiguredPluginVerifiesWebhooks(t *testing.T) {
	member := fixture("")
	member.Config.Credentials = nil
	p, _ := start(t, member)
	_, err := p.VerifyWebhook(t.Context(), sdk.WebhookRequest{Headers: map[string][]string{"Signature": {"s"}}, Secrets: []string{"s"}})
	if err != nil {
		t.Error(err)
	}
}

func TestSlowStartDoesNotHoldTheHost(t *testing.T) {
	launcher := process.NewLauncher()
	defer launcher.Close()
	host, err := plugin.NewHost(plugin.Options{Launcher: launcher, Logger: slog.New(slog.DiscardHandler)}, []plugin.Member{fixture("hang-first")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := host.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := host.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ready: %v", err)
	}
	p, _ := host.Plugin("fixture")
	if state := p.Status().State; state != action.StateStarting {
		t.Errorf("state %s", state)
	}
	if err := host.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestInspectGivesNothingAway(t *testing.T) {
	launcher := process.NewLauncher()
	defer launcher.Close()
	// This one would end in Configure.
	manifest, err := plugin.Inspect(t.Context(), launcher, fixture("crash-in-configure").Spec)
	if err != nil {
		t.Fatal(err)
	}
	faults := plugin.CheckCredentials(manifest, nil)
	if len(faults) != 1 || faults[0] != (sdk.Fault{Pointer: "/key", Message: "is missing"}) {
		t.Errorf("faults %+v", faults)
	}
	spec := plugin.Spec{Name: "script", Path: script(t, "env >&2; exit 1"), Env: map[string]string{"TOKEN": "s3cr3t"}}
	if _, err := plugin.Inspect(t.Context(), launcher, spec); err == nil || strings.Contains(err.Error(), "TOKEN") {
		t.Errorf("a plugin that tells its environment: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	spec.Path = script(t, "sleep 600")
	if _, err := plugin.Inspect(ctx, launcher, spec); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a plugin that hangs: %v", err)
	}
}

// script makes a plugin of a shell script and answers its path.
func script(t *testing.T, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), plugin.FilePrefix+"script")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return file
}

func TestPluginThatIsKilledUnderLoadComesBack(t *testing.T) {
	p := startReady(t, fixture(""))
	const callers, kills = 16, 5
	var stop atomic.Bool
	var answered, failed atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for !stop.Load() {
				_, err := p.Execute(t.Context(), sdk.Call{Action: "echo", Params: json.RawMessage(`{}`)})
				answered.Add(1)
				if err == nil {
					continue
				}
				failed.Add(1)
				var e *sdk.Error
				if !errors.As(err, &e) || e.Code != sdk.CodeUnavailable || !e.Retryable {
					t.Errorf("got %#v", err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	last := 0
	back := func() bool {
		result, err := p.Execute(t.Context(), sdk.Call{Action: "pid", Params: json.RawMessage(`{}`)})
		pid, _ := strconv.Atoi(string(result.Body))
		if err != nil || pid == last {
			return false
		}
		last = pid
		return true
	}
	for range kills {
		eventually(t, "the plugin is back", back)
		if err := syscall.Kill(last, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the plugin is back", back)
	stop.Store(true)
	wg.Wait()
	if failed.Load() == 0 {
		t.Error("no call noticed that the plugin was killed")
	}
	t.Logf("%d calls answered, %d of them with an error", answered.Load(), failed.Load())
	// That the five dead instances left no goroutine, TestMain checks.
}

func TestCrashIsToldWithItsCause(t *testing.T) {
	cases := map[string]struct{ action, message, reason string }{
		"exit":  {"exit", "the plugin ended during exit: exit status 5", "it ended: exit status 5"},
		"panic": {"crash", "the plugin ended during crash: exit status 2", "it ended: exit status 2: panic: crashed on purpose"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, output := start(t, fixture(""))
			_, err := p.Execute(t.Context(), sdk.Call{Action: c.action, Params: json.RawMessage(`{}`)})
			var e *sdk.Error
			if !errors.As(err, &e) || e.Message != c.message || e.Outcome != sdk.OutcomeUnknown || !e.Retryable {
				t.Errorf("got %#v", err)
			}
			eventually(t, "the reason in the log", func() bool { return strings.Contains(output.String(), c.reason) })
		})
	}
}

func TestCrashesLeaveNothingOpen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts files in /proc")
	}
	p := startReady(t, fixture(""))
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	call(t, p, "echo", `{}`)
	before := open()
	for range 30 {
		_, err := p.Execute(t.Context(), sdk.Call{Action: "exit", Params: json.RawMessage(`{}`)})
		if err == nil {
			t.Fatal("it did not end")
		}
		eventually(t, "the plugin is back", func() bool {
			_, err := p.Execute(t.Context(), sdk.Call{Action: "echo", Params: json.RawMessage(`{}`)})
			return err == nil
		})
	}
	eventually(t, "no more files are open than before", func() bool { return open() <= before })
}

func TestFailedStartsLeaveNothingOpen(t *testing.T) {
	launcher := process.NewLauncher()
	defer launcher.Close()
	for _, mode := range []string{"vanish", "exit-first", "print-first", "elsewhere", "other-protocol", "no such file"} {
		t.Run(mode, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			spec := fixture(mode).Spec
			if mode == "no such file" {
				spec.Path += "x"
			}
			for range 20 {
				instance, err := launcher.Launch(t.Context(), spec, slog.New(slog.DiscardHandler))
				if err == nil {
					// The handshake was all that there was.
					if _, err = instance.Manifest(t.Context()); err == nil {
						t.Fatal("it answers")
					}
					if err := instance.Close(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClosedLauncherStartsNothing(t *testing.T) {
	launcher := process.NewLauncher()
	for range 2 {
		if err := launcher.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := launcher.Launch(t.Context(), fixture("").Spec, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("it starts a plugin")
	}
}

func TestPrintingAndFloodingHarmNobody(t *testing.T) {
	p, output := start(t, fixture(""))
	pid := call(t, p, "pid", `{}`)
	if got := call(t, p, "print", `{}`); got != `"printed"` {
		t.Errorf("got %s", got)
	}
	if got := call(t, p, "flood", `{}`); got != `"flooded"` {
		t.Errorf("got %s", got)
	}
	if after := call(t, p, "pid", `{}`); after != pid {
		t.Error("the plugin was started again")
	}
	eventually(t, "what it printed is in the log", func() bool { return strings.Contains(output.String(), "1|1|tcp|127.0.0.1:1|grpc|") })
	if size := len(output.String()); size > 64<<20 {
		t.Errorf("the log has %d bytes", size)
	}
}

func TestLogsCarryThePluginAndHideSecrets(t *testing.T) {
	p, output := start(t, fixture(""))
	_, err := p.Execute(t.Context(), sdk.Call{Action: "log", Params: json.RawMessage(credentials), RequestID: "req_1"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log line", func() bool { return strings.Contains(output.String(), "a warning") })
	if got := output.String(); !strings.Contains(got, `level=WARN msg="a warning" plugin=fixture action=log params="{\"key\":\"***\"}" requestId=req_1`) {
		t.Errorf("got %s", got)
	}
}

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

// beHost starts a plugin, tells its process id, and waits to be killed.
func beHost() {
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
	result, err := p.Execute(context.Background(), sdk.Call{Action: "pid", Params: json.RawMessage(`{}`)})
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
	// It ends by a signal, which is no surprise.
	_ = host.Wait()
	eventually(t, "the plugin ends with its host", func() bool { return !alive(pid) })

	// What it could not remove, the next host removes; another that lives keeps its own.
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

// list answers what is in a directory.
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
