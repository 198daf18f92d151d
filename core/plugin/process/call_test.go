package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

func TestProcessKeepsThePromisesOfATransport(t *testing.T) { plugintest.Exercise(t, transport) }

func TestFailuresOfACallLeaveTheProcessRunning(t *testing.T) {
	p := startReady(t, fixture(""))
	pid := call(t, p, "pid", `{}`)
	for _, name := range []string{"failPlainly", "panic", "notJSON", "large"} {
		if _, err := p.Execute(t.Context(), action.Call{Action: name, Params: value.TrustedDoc([]byte(`{}`))}); err == nil {
			t.Errorf("%s did not fail", name)
		}
	}
	if after := call(t, p, "pid", `{}`); after != pid {
		t.Errorf("the plugin was started again: %s, then %s", pid, after)
	}
}

func TestEndOfTheCallReachesThePlugin(t *testing.T) {
	p := startReady(t, fixture(""))
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancelled": context.WithCancel,
		"out of time": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 300*time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := end(t.Context())
			defer cancel()
			file := filepath.Join(t.TempDir(), "ended")
			params, err := json.Marshal(map[string]string{"File": file})
			if err != nil {
				t.Fatal(err)
			}
			answered := make(chan error, 1)
			go func() {
				_, err := p.Execute(ctx, action.Call{Action: "awaitEnd", Params: value.TrustedDoc(params)})
				answered <- err
			}()
			exists := func(path string) bool { _, err := os.Stat(path); return err == nil }
			eventually(t, "the call reaches the plugin", func() bool { return exists(file + ".begun") })
			if name == "cancelled" {
				cancel()
			}
			var got *sdk.Error
			if err := <-answered; !errors.As(err, &got) || got.Code != sdk.CodeTimeout || got.Outcome != sdk.OutcomeUnknown || !got.Retryable {
				t.Errorf("got %#v", err)
			}
			eventually(t, "the plugin's context ends", func() bool { return exists(file) })
		})
	}
}
