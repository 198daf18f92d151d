package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/credential"
	"github.com/backflow/backflow/core/plugin/process"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

func TestEnvironmentIsTheConfigsAlone(t *testing.T) {
	t.Setenv("STRIPE_SECRET_KEY", "sk_live_of_the_host")
	member := fixture("")
	member.Spec.Env = with(member.Spec.Env, map[string]string{"GIVEN": "by the config"})
	member.Spec.MemoryLimitMiB = 512
	if got := call(t, startReady(t, member), "environ", `{}`); got != `["GIVEN=by the config"]` {
		t.Errorf("got %s", got)
	}
}

// Where it may grow the collector runs rarely: the live heap of a plugin is small.
func TestTheHeapOfAPluginGrowsUnlessItIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		limit int
		env   map[string]string
		want  func(percent int) bool
	}{
		"by itself":       {0, nil, func(percent int) bool { return percent > 100 }},
		"with a limit":    {512, nil, func(percent int) bool { return percent == 100 }},
		"by the operator": {0, map[string]string{"GOGC": "50"}, func(percent int) bool { return percent == 50 }},
	} {
		member := fixture("")
		member.Spec.MemoryLimitMiB = c.limit
		member.Spec.Env = with(member.Spec.Env, c.env)
		percent, err := strconv.Atoi(call(t, startReady(t, member), "gogc", `{}`))
		if err != nil || !c.want(percent) {
			t.Errorf("%s: GOGC is %d, %v", name, percent, err)
		}
	}
}

func TestStatusOfAPluginThatCannotStart(t *testing.T) {
	sum, err := plugin.Checksum(path("fixture"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Repeat("0", 64)
	noProgram := filepath.Join(t.TempDir(), "backflow-plugin-fixture")
	if err := os.WriteFile(noProgram, []byte("garbage"), 0o700); err != nil {
		t.Fatal(err)
	}
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
		"no program":             {func(m *plugin.Member) { m.Spec.Path = noProgram }, action.StateFailed, []string{"the file is no program for " + runtime.GOOS + "/" + runtime.GOARCH}},
		"wrong name":             {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "wrong-name" }, action.StateFailed, []string{`the plugin calls itself "other", its file "fixture"`}},
		"prints first":           {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "print-first" }, action.StateFailed, []string{"Hello from main"}},
		"ends first":             {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "exit-first" }, action.StateFailed, []string{"exit status 4: no config file"}},
		"listens where it likes": {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "elsewhere" }, action.StateFailed, []string{"instead of a unix socket where it was told to"}},
		"other protocol":         {func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "other-protocol" }, action.StateFailed, []string{"the plugin speaks version 99 of the plugin protocol, this gateway version 1; the gateway is too old for it: update Backflow"}},
		"old protocol": {
			func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "old-protocol" }, action.StateFailed,
			[]string{"the plugin speaks version 0 of the plugin protocol, this gateway version 1; the plugin is too old: build it with the SDK of this gateway"},
		},
		"not pinned, and has to be": {
			func(m *plugin.Member) { m.Spec.RequirePinned = true }, action.StateFailed,
			[]string{"requirePinned", `{ "name": "fixture", "sha256": "` + sum + `" }`},
		},
		"pinned as it has to be": {
			func(m *plugin.Member) { m.Spec.RequirePinned, m.Spec.SHA256 = true, strings.ToUpper(sum) }, action.StateReady, nil,
		},
		"refuses its config, and quotes it": {
			func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "refuse-config" }, action.StateFailed,
			[]string{`configure: vendor does not like {"key":"***"}`},
		},
		"crashes in Configure, and quotes it": {
			func(m *plugin.Member) { m.Spec.Env["FIXTURE"] = "crash-in-configure" }, action.StateFailed,
			[]string{`exit status 7: the key is {"key":"***"}`},
		},
		"credentials that the schema refuses": {
			func(m *plugin.Member) { m.Config.Credentials = json.RawMessage(`{"key":"wrong_s3cr3t","bse":1}`) }, action.StateFailed,
			[]string{`credentials.fixture.bse: unknown field "bse"`, `credentials.fixture.key: must match the pattern`},
		},
		"no credentials": {
			func(m *plugin.Member) { m.Config.Credentials = nil }, action.StateUnconfigured,
			[]string{`credentials.fixture.key: "key" is required`},
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
			_, err := p.Execute(t.Context(), action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{}`))})
			if c.state != action.StateReady {
				var e *sdk.Error
				if !errors.As(err, &e) || e.Code != sdk.CodeUnavailable || e.Outcome != sdk.OutcomeNotExecuted {
					t.Errorf("a call returns %v", err)
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
	launcher := newLauncher(t)
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
	launcher := newLauncher(t)
	// This one would end in Configure.
	manifest, err := plugin.Inspect(t.Context(), launcher, fixture("crash-in-configure").Spec)
	if err != nil {
		t.Fatal(err)
	}
	faults := credential.Check(manifest, nil, "")
	if len(faults) != 1 || faults[0] != (sdk.Fault{Pointer: "/key", Message: `"key" is required`}) {
		t.Errorf("faults %+v", faults)
	}
	spec := plugin.Spec{Name: "script", Path: script(t, "env >&2; exit 1"), Env: map[string]string{"TOKEN": "s3cr3t"}}
	if _, err := plugin.Inspect(t.Context(), launcher, spec); err == nil || strings.Contains(err.Error(), "TOKEN") {
		t.Errorf("a plugin that prints its environment: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	spec.Path = script(t, "sleep 600")
	if _, err := plugin.Inspect(ctx, launcher, spec); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a plugin that hangs: %v", err)
	}
}

// script makes a plugin of a shell script and returns its path.
func script(t *testing.T, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), plugin.FilePrefix+"script")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFailedStartsLeaveNothingOpen(t *testing.T) {
	launcher := newLauncher(t)
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
						t.Fatal("it responds")
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

// A start that hangs must not spoil the next one.
func TestAfterAStartThatHungTheNextOneWorks(t *testing.T) {
	launcher := newLauncher(t)
	marker := filepath.Join(t.TempDir(), "hung")
	spec := fixture("").Spec
	spec.Path = script(t, "if [ ! -e "+marker+" ]; then : >"+marker+"; exec /bin/sleep 600; fi; exec "+path("fixture"))
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan error, 1)
	go func() {
		_, err := launcher.Launch(ctx, spec, slog.New(slog.DiscardHandler))
		started <- err
	}()
	eventually(t, "it hangs", func() bool { _, err := os.Stat(marker); return err == nil })
	cancel()
	if err := <-started; !errors.Is(err, context.Canceled) {
		t.Errorf("the start that hung: %v", err)
	}
	instance, err := launcher.Launch(t.Context(), spec, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := instance.Manifest(t.Context()); err != nil {
		t.Error(err)
	}
	if err := instance.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
