package wasm_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

var discard = slog.New(slog.DiscardHandler)

func TestWASMKeepsThePromisesOfATransport(t *testing.T) { plugintest.Exercise(t, transport) }

// execute returns the error of a call, nil if it has none.
func execute(t testing.TB, p *plugin.Plugin, name string, timeout time.Duration) *sdk.Error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err := p.Execute(ctx, action.Call{Action: name, Params: value.TrustedDoc([]byte(`{}`))})
	var e *sdk.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("%s: %v", name, err)
	}
	return e
}

// ample is more time than any call of the tests takes, on the slowest machine.
const ample = 2 * time.Minute

func TestHostileCallsReturnInTimeAndHarmNoOther(t *testing.T) {
	member := transport.Fixture()
	member.Spec.Timeout = ample
	member.Spec.WASM.Instances = 2
	p, output := transport.Start(t, member)
	const short = 300 * time.Millisecond
	guestFailed := func(name string) []sdk.Error {
		return []sdk.Error{{Code: sdk.CodeUnavailable, Message: "the plugin's guest failed in " + name + ": ", Retryable: true}}
	}
	late := func(name string) sdk.Error {
		return sdk.Error{Code: sdk.CodeTimeout, Message: "no answer to " + name + " in time", Retryable: true}
	}
	cases := map[string]struct {
		timeout time.Duration
		want    []sdk.Error // any of them; the message is a part, no outcome is an unknown one
	}{
		"loop":  {short, []sdk.Error{late("loop")}},
		"sleep": {short, []sdk.Error{late("sleep")}},
		// Go ends a program whose goroutines all wait, but not while a timer of
		// its runtime runs.
		"hang":     {short, append(guestFailed("hang"), late("hang"))},
		"bomb":     {ample, []sdk.Error{{Code: sdk.CodeUnavailable, Message: "with the 64 MiB of its memory used up", Retryable: true}}},
		"recurse":  {ample, guestFailed("recurse")},
		"enormous": {ample, guestFailed("enormous")},
		"crash":    {ample, guestFailed("crash")},
		"exit":     {ample, guestFailed("exit")},
		"panic":    {ample, []sdk.Error{{Code: sdk.CodeInternal, Message: "the plugin panicked in panic: at the disco"}}},
		"notJSON":  {ample, []sdk.Error{{Code: sdk.CodeInternal, Message: "not JSON", Outcome: sdk.OutcomeExecuted}}},
	}
	fits := func(e *sdk.Error, wanted []sdk.Error) bool {
		return e != nil && slices.ContainsFunc(wanted, func(want sdk.Error) bool {
			return e.Outcome == cmp.Or(want.Outcome, sdk.OutcomeUnknown) && e.Code == want.Code && e.Retryable == want.Retryable && strings.Contains(e.Message, want.Message)
		})
	}
	var calls sync.WaitGroup
	for name, c := range cases {
		calls.Go(func() {
			e := execute(t, p, name, c.timeout)
			// Where no guest was free in time, nothing was executed.
			waited := e != nil && e.Code == sdk.CodeTimeout && e.Outcome == sdk.OutcomeNotExecuted && c.timeout == short
			if !waited && !fits(e, c.want) {
				t.Errorf("%s: got %#v", name, e)
			}
		})
	}
	calls.Wait()
	for name, c := range cases {
		if e := execute(t, p, name, c.timeout); !fits(e, c.want) {
			t.Errorf("%s alone: got %#v", name, e)
		}
		if got := plugintest.Call(t, p, "echo", `{"n":1}`); got != `{"n":1}` {
			t.Errorf("after %s: got %s", name, got)
		}
	}
	if state := p.Status().State; state != action.StateReady {
		t.Errorf("the plugin is %s", state)
	}
	if log := output.String(); !strings.Contains(log, "crashed on purpose") || !strings.Contains(log, "the guest is thrown away") {
		t.Errorf("the log does not mention the crash: %.2000s", log)
	}
}

func TestResultLargerThanAMessageIsRefused(t *testing.T) {
	member := transport.Fixture()
	member.Spec.MemoryLimitMiB = 1024
	p := transport.StartReady(t, member)
	// The SDK refuses it in the guest.
	e := execute(t, p, "enormous", ample)
	if e == nil || e.Code != sdk.CodeResultTooLarge {
		t.Errorf("got %#v", e)
	}
}

func TestGuestSeesNoFileAndNoEnvironment(t *testing.T) {
	t.Setenv("BACKFLOW_SECRET", "s3cr3t")
	p := transport.StartReady(t, transport.Fixture())
	if got := plugintest.Call(t, p, "environ", `{}`); got != "[]" && got != "null" {
		t.Errorf("the environment is %s", got)
	}
	if got := plugintest.Call(t, p, "files", `{}`); got != "null" {
		t.Errorf("it can see %s", got)
	}
	if e := execute(t, p, "spawn", ample); e == nil {
		t.Error("it can start a process")
	}
}

func TestEnvironmentForAGuestIsRefused(t *testing.T) {
	_, err := newLauncher(t).Launch(t.Context(), plugin.Spec{Name: "fixture", Path: path("fixture"), Env: map[string]string{"A": "b"}}, discard)
	if err == nil || !strings.Contains(err.Error(), "a WASM plugin has no environment") {
		t.Errorf("got %v", err)
	}
}

func TestGuestHasRealTimeAndRandomness(t *testing.T) {
	instance := launch(t, newLauncher(t), plugin.Spec{WASM: plugin.WASM{Instances: 1}})
	other := launch(t, newLauncher(t), plugin.Spec{WASM: plugin.WASM{Instances: 1}})
	answers := map[string]bool{}
	for _, i := range []plugin.Instance{instance, other} {
		result, err := i.Execute(t.Context(), time.Time{}, sdk.Call{Action: "random"})
		if err != nil {
			t.Fatal(err)
		}
		answers[string(result.Body)] = true
	}
	if len(answers) != 2 {
		t.Errorf("two guests have the same randomness: %v", answers)
	}
	result, err := instance.Execute(t.Context(), time.Time{}, sdk.Call{Action: "now"})
	if err != nil {
		t.Fatal(err)
	}
	var nanoseconds int64
	if err := json.Unmarshal(result.Body, &nanoseconds); err != nil {
		t.Fatal(err)
	}
	if apart := time.Since(time.Unix(0, nanoseconds)).Abs(); apart > time.Minute {
		t.Errorf("the guest's clock is %s apart", apart)
	}
}

func TestCancelledCallEndsTheGuestsCall(t *testing.T) {
	p := transport.StartReady(t, transport.Fixture())
	for _, name := range []string{"loop", "sleep"} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		begun := time.Now()
		_, err := p.Execute(ctx, action.Call{Action: name, Params: value.TrustedDoc([]byte(`{}`))})
		cancel()
		if !errors.Is(err, &sdk.Error{Code: sdk.CodeTimeout}) || time.Since(begun) > 5*time.Second {
			t.Errorf("%s: got %v after %s", name, err, time.Since(begun))
		}
	}
}

func TestSoftDeadlineFreesTheCaller(t *testing.T) {
	launcher := newLauncher(t)
	instance := launch(t, launcher, plugin.Spec{WASM: plugin.WASM{Deadline: plugin.DeadlineSoft, Instances: 2}})
	_, err := instance.Execute(t.Context(), time.Now().Add(100*time.Millisecond), sdk.Call{Action: "sleep"})
	if !errors.Is(err, &sdk.Error{Code: sdk.CodeTimeout}) {
		t.Errorf("got %v", err)
	}
	result, err := instance.Execute(t.Context(), time.Now().Add(time.Minute), sdk.Call{Action: "echo", Params: json.RawMessage(`{}`)})
	if err != nil || string(result.Body) != "{}" {
		t.Errorf("got %s, %v", result.Body, err)
	}
}

func TestInstancesAreBounded(t *testing.T) {
	instance := launch(t, newLauncher(t), plugin.Spec{WASM: plugin.WASM{Instances: 1}})
	first := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := instance.Execute(ctx, time.Time{}, sdk.Call{Action: "sleep"})
		first <- err
	}()
	plugintest.Eventually(t, "the only guest is busy", func() bool {
		_, err := instance.Execute(t.Context(), time.Now().Add(time.Millisecond), sdk.Call{Action: "echo"})
		var e *sdk.Error
		return errors.As(err, &e) && e.Code == sdk.CodeTimeout && e.Outcome == sdk.OutcomeNotExecuted && strings.Contains(e.Message, "no guest was free")
	})
	cancel()
	if err := <-first; !errors.Is(err, &sdk.Error{Code: sdk.CodeTimeout}) {
		t.Errorf("got %v", err)
	}
}

func TestCloseEndsCallsInProgress(t *testing.T) {
	launcher := newLauncher(t)
	instance := launch(t, launcher, plugin.Spec{})
	answered := make(chan error, 1)
	go func() {
		_, err := instance.Execute(context.Background(), time.Time{}, sdk.Call{Action: "loop"})
		answered <- err
	}()
	time.Sleep(20 * time.Millisecond) // it matters little whether the call has begun
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := instance.Close(ctx); err != nil {
		t.Error(err)
	}
	<-instance.Done()
	if err := <-answered; err == nil {
		t.Error("the call succeeded")
	}
	if _, err := instance.Execute(t.Context(), time.Time{}, sdk.Call{Action: "echo"}); !errors.Is(err, &sdk.Error{Code: sdk.CodeUnavailable}) {
		t.Errorf("after Close: %v", err)
	}
}
