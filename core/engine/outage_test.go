package engine

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
)

// unreachable is a store that can be down: nothing works then.
type unreachable struct {
	state.Store
	mu   sync.Mutex
	down bool
}

func (s *unreachable) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *unreachable) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return state.ErrUnavailable
	}
	return nil
}

func (s *unreachable) Commit(ctx context.Context, ops ...state.Op) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Commit(ctx, ops...)
}

func (s *unreachable) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, refs...)
}

func (s *unreachable) Range(ctx context.Context, r state.Range) ([]string, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Range(ctx, r)
}

func (s *unreachable) Due(ctx context.Context, queue string, limit int) ([]state.Timer, time.Duration, error) {
	if err := s.err(); err != nil {
		return nil, -1, err
	}
	return s.Store.Due(ctx, queue, limit)
}

// lines is a buffer of log lines that many may write to.
type lines struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.buffer.String()), "\n")
}

func TestAnOutageOfTheStoreIsLoggedInAFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, log := &unreachable{Store: memory.New(memory.Options{})}, &lines{}
		g := open(t, store, "g1", &fakeIntegration{}, Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, twoSteps,
			`{"id":"slow","steps":[{"id":"w","type":"wait","duration":"1m"},{"id":"a","type":"vendor","action":"safe"}]}`)
		defer g.stop()
		id := g.start("slow", `{}`).ID
		time.Sleep(30 * time.Second)
		store.set(true)
		time.Sleep(10 * time.Minute)
		store.set(false)
		if run := g.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("the run is %s", run.Status)
		}
		time.Sleep(2 * time.Minute)
		logged := log.all()
		if len(logged) > 12 || !strings.Contains(logged[0], "trouble with the state store") || !strings.Contains(logged[len(logged)-1], "no more trouble with the state store") {
			t.Errorf("%d lines:\n%s", len(logged), strings.Join(logged, "\n"))
		}
	})
}
