package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/plugin"
)

// crashing is a launcher whose plugins say what they should not.
type crashing struct{}

func (crashing) Launch(context.Context, plugin.Spec, *slog.Logger) (plugin.Instance, error) {
	return nil, errors.New("it ended: exit status 2: panic: jane@example.com has no card")
}

func TestReadinessTellsStatesAndNoReasons(t *testing.T) {
	t.Parallel()
	host, err := plugin.NewHost(plugin.Options{Launcher: crashing{}, Logger: slog.New(slog.DiscardHandler)},
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
	a := &app{host: host}
	ready, told := a.ready()
	body, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"status":"starting","integrations":{"shop":{"state":"failed"}}}`; ready || string(body) != want {
		t.Errorf("%t %s, want %s", ready, body, want)
	}
	a.settled.Store(true)
	if ready, _ := a.ready(); !ready {
		t.Error("not ready, though each plugin is reported")
	}
	if p, _ := host.Plugin("shop"); !strings.Contains(p.Status().Reason, "jane") {
		t.Errorf("reason %q, want it for those who may see the integration", p.Status().Reason)
	}
}
