package dbserver

import (
	"sync"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
)

// Shared is one server for all tests of a process, which each have a database of their
// own on it. It is started by the first, and ends with the process. None of them restarts
// it, so that its data may be in memory. It is safe for concurrent use; the zero value
// with an Engine is ready.
type Shared struct {
	Engine *Engine

	once     sync.Once
	instance *instance
	missing  string
	err      error
}

// NewDatabase makes a database for a test. Where the server is not installed, the test is
// skipped, or fails if BACKFLOW_REQUIRE_SERVERS is 1.
func (s *Shared) NewDatabase(t testing.TB) *Database {
	t.Helper()
	s.once.Do(func() {
		s.instance, s.missing, s.err = newInstance(s.Engine, Options{}, inMemory())
		if s.missing == "" && s.err == nil {
			s.err = s.instance.start(Options{}, Admin)
		}
	})
	if s.missing != "" {
		testkit.Missing(t, s.missing)
	}
	if s.err != nil {
		t.Fatalf("%s: %v", s.Engine.Name, s.err)
	}
	d := newDatabase(t, s.instance)
	t.Cleanup(func() {
		if err := s.instance.run(Admin, s.Engine.Drop(d.Name)); err != nil {
			t.Error(err)
		}
	})
	return d
}
