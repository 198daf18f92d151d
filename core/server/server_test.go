package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/server"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
)

const token = "token-of-the-test"

// configWith is a config with a workflow of that id.
func configWith(workflow string) string {
	return fmt.Sprintf(`{
  "auth": { "tokens": [{ "name": "test", "hash": %q, "scopes": ["*"] }] },
  "workflows": [{ "id": %q, "steps": [{ "id": "a", "type": "set", "values": { "n": "{{input.n}}" } }] }]
}`, access.HashOf(token), workflow)
}

// load makes a plan of a text, which a reload reads again.
func load(t *testing.T, text *atomic.Value) *compile.Plan {
	t.Helper()
	plan, err := compile.Load("/test/backflow.json", compile.Options{
		Config: config.Options{ReadFile: func(string) ([]byte, error) { return []byte(text.Load().(string)), nil }},
	})
	if err != nil || plan.Err() != nil {
		t.Fatal(err, plan.Err())
	}
	return plan
}

func textOf(config string) *atomic.Value {
	var text atomic.Value
	text.Store(config)
	return &text
}

func openMemory(context.Context, config.State) (state.Store, error) {
	return memory.New(memory.Options{}), nil
}

// runs starts a run of a workflow and returns the response.
func runs(s *server.Server, workflow string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPost, "/workflows/"+workflow+"/runs?wait=10s", strings.NewReader(`{"n":1}`))
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response := httptest.NewRecorder()
	s.ServeHTTP(response, request)
	return response
}

func TestAServerNeedsNeitherAListenerNorAFile(t *testing.T) {
	t.Parallel()
	text := textOf(configWith("first"))
	s, err := server.Start(t.Context(), load(t, text), server.Options{Node: "test", OpenStore: openMemory})
	if err != nil {
		t.Fatal(err)
	}
	if response := runs(s, "first"); response.Code != http.StatusOK || !strings.Contains(response.Body.String(), `"succeeded"`) {
		t.Errorf("the run: %d %s", response.Code, response.Body)
	}

	text.Store(`{ "workflows": [{ "id": "second" }] }`)
	if err := s.Reload(t.Context()); !errors.As(err, new(config.Faults)) {
		t.Errorf("a config with faults: %v", err)
	}
	text.Store(strings.Replace(configWith("second"), "{", `{ "server": { "listen": "127.0.0.1:1" },`, 1))
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "server.listen changed: that needs a restart") {
		t.Errorf("a config that needs a restart: %v", err)
	}
	if response := runs(s, "first"); response.Code != http.StatusOK {
		t.Errorf("after refused reloads: %d %s", response.Code, response.Body)
	}

	text.Store(configWith("second"))
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	for workflow, want := range map[string]int{"first": http.StatusNotFound, "second": http.StatusOK} {
		if response := runs(s, workflow); response.Code != want {
			t.Errorf("%s after the reload: %d %s", workflow, response.Code, response.Body)
		}
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestAStartThatFailsLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no such disk")
	_, err = server.Start(t.Context(), load(t, textOf(configWith("w"))), server.Options{
		Listener: listener, Logger: slog.New(slog.DiscardHandler),
		OpenStore: func(context.Context, config.State) (state.Store, error) { return nil, broken },
	})
	if !errors.Is(err, broken) {
		t.Errorf("the start: %v", err)
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener: %v", err)
	}
}

func TestAReloadSetsTheLogLevel(t *testing.T) {
	t.Parallel()
	text := textOf(configWith("first"))
	level := &slog.LevelVar{}
	level.Set(slog.LevelError)
	s, err := server.Start(t.Context(), load(t, text), server.Options{Node: "test", OpenStore: openMemory, LogLevel: level})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if level.Level() != slog.LevelInfo {
		t.Errorf("without server.logLevel it is %s", level.Level())
	}
	for word, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError} {
		text.Store(strings.Replace(configWith("first"), "{", `{ "server": { "logLevel": "`+word+`" },`, 1))
		if err := s.Reload(t.Context()); err != nil || level.Level() != want {
			t.Errorf("%s: %s, %v", word, level.Level(), err)
		}
	}
	text.Store(strings.Replace(configWith("first"), "{", `{ "server": { "logLevel": "warning" },`, 1))
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), `unknown value "warning" (known: debug, info, warn, error)`) {
		t.Errorf("a level that does not exist: %v", err)
	}
}
