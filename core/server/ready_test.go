package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/internal/testkit"
)

// crashing is a launcher whose plugins print personal data before they end.
type crashing struct{}

func (crashing) Launch(context.Context, plugin.Spec, *slog.Logger) (plugin.Instance, error) {
	return nil, errors.New("it ended: exit status 2: panic: jane@example.com has no card")
}

// unsteady is a store that can become unavailable.
type unsteady struct {
	state.Store
	down atomic.Bool
}

func (u *unsteady) Commit(ctx context.Context, ops ...state.Op) error {
	if u.down.Load() {
		return state.ErrUnavailable
	}
	return u.Store.Commit(ctx, ops...)
}

func TestReadinessShowsStatesAndNoReasons(t *testing.T) {
	t.Parallel()
	still := plugin.Timing{
		Now:    func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
		After:  func(time.Duration) <-chan time.Time { return nil },
		Random: func() float64 { return 1 },
	}
	host, err := plugin.NewHost(plugin.Options{Launcher: crashing{}, Logger: slog.New(slog.DiscardHandler), Timing: still},
		[]plugin.Member{{Spec: plugin.Spec{Name: "shop", Path: "/nowhere"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := host.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := host.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	store := &unsteady{Store: memory.New(memory.Options{})}
	held, err := lease.Acquire(t.Context(), store, lease.Options{Node: "test", TTL: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		store.down.Store(false)
		if err := held.Release(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	s := &Server{host: host, lease: held}
	readiness := s.ready()
	body, err := json.Marshal(readiness)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"status":"starting","integrations":{"shop":{"state":"failed","since":"2026-01-02T03:04:05.000Z","retryAt":"2026-01-02T03:04:05.100Z"}}}`; readiness.Ready || string(body) != want {
		t.Errorf("%t %s, want %s", readiness.Ready, body, want)
	}
	s.pluginsReady.Store(true)
	if !s.ready().Ready {
		t.Error("not ready, though each plugin is reported")
	}
	store.down.Store(true)
	testkit.Eventually(t, 10*time.Second, "the outage is noticed", func() bool {
		readiness = s.ready()
		return !readiness.Ready
	})
	if body, err = json.Marshal(readiness); err != nil || !strings.Contains(string(body), `"status":"state store unavailable"`) {
		t.Errorf("without the store: %s, %v", body, err)
	}
	store.down.Store(false)
	testkit.Eventually(t, 10*time.Second, "the end of the outage is noticed", func() bool { return s.ready().Ready })
	if p, _ := host.Plugin("shop"); !strings.Contains(p.Status().Reason, "jane") {
		t.Errorf("reason %q, want it for those who may see the integration", p.Status().Reason)
	}
}
