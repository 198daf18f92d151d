package wasm_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// install puts a module at a path in one step.
func install(t *testing.T, to string, module []byte) {
	t.Helper()
	if err := os.WriteFile(to+".new", module, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
}

func TestNoCallFailsWhileAModuleIsReplaced(t *testing.T) {
	module, err := os.ReadFile(path("fixture"))
	if err != nil {
		t.Fatal(err)
	}
	member := transport.Fixture()
	dir := t.TempDir()
	member.Spec.Path = filepath.Join(dir, "fixture.wasm")
	install(t, member.Spec.Path, module)
	// A custom section at the end makes another content that does the same.
	other := filepath.Join(dir, "other.wasm")
	next := append(module[:len(module):len(module)], 0, 3, 1, 'x', 'y')
	install(t, other, next)
	if err := precompile(other); err != nil {
		t.Fatal(err)
	}
	watched := transport
	watched.Checks = plugin.Checks{Interval: 10 * time.Millisecond, ProbeInterval: 20 * time.Millisecond}
	p, output := watched.Start(t, member)
	var stop atomic.Bool
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for !stop.Load() {
				if _, err := p.Execute(t.Context(), action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{}`))}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	install(t, member.Spec.Path, next)
	plugintest.Eventually(t, "the new module is in force", func() bool { return strings.Contains(output.String(), "plugin replaced") })
	install(t, member.Spec.Path, []byte("no module"))
	plugintest.Eventually(t, "what is no module is rejected", func() bool { return p.Status().Rejected != "" })
	stop.Store(true)
	callers.Wait()
	if got := plugintest.Call(t, p, "echo", `{"id":"x"}`); got != `{"id":"x"}` {
		t.Errorf("got %s", got)
	}
	if restarts := p.Status().Restarts; restarts != 0 {
		t.Errorf("%d restarts", restarts)
	}
}

// The only guest is busy until the call is cancelled, and no probe waits for it.
func TestAProbeDoesNotWaitForASlowGuest(t *testing.T) {
	i := launch(t, newLauncher(t), plugin.Spec{WASM: plugin.WASM{Instances: 1}})
	prober := i.(plugin.Prober)
	if err := prober.Probe(t.Context()); err != nil {
		t.Errorf("an idle guest: %v", err)
	}
	slow, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// It is cancelled below.
		_, _ = i.Execute(slow, time.Now().Add(time.Minute), sdk.Call{Action: "sleep", Params: json.RawMessage(`{}`)})
	}()
	for range 20 {
		ctx, done := context.WithTimeout(t.Context(), 10*time.Second)
		if err := prober.Probe(ctx); err != nil {
			t.Error(err)
		}
		done()
	}
	select {
	case <-ended:
		t.Error("the probes waited for the slow call")
	default:
	}
	cancel()
	<-ended
}
