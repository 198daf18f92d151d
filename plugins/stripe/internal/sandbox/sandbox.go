// Package sandbox stands in for Stripe on a developer's machine: Stripe's own
// stripe-mock, served in this process on the loopback interface.
//
// stripe-mock keeps nothing: whatever is created is returned and forgotten.
//
// The package imports nothing of the project.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
)

// Key is the secret key that stripe-mock takes: "sk", "test" and one part more.
const Key = "sk_test_sandbox"

// Sandbox is a running stripe-mock.
type Sandbox struct {
	address string
	server  *http.Server
	work    sync.WaitGroup

	// ready is closed when handler or failure is set.
	ready   chan struct{}
	handler http.Handler
	failure error
}

// Start listens on a free port of 127.0.0.1 and returns at once; requests wait
// until stripe-mock has read its description of the API, which takes a few
// tenths of a second. Close ends it.
func Start() (*Sandbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s := &Sandbox{address: listener.Addr().String(), ready: make(chan struct{})}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.work.Go(func() {
		s.handler, s.failure = load()
		close(s.ready)
	})
	s.work.Go(func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("the Stripe sandbox ended", "error", err)
		}
	})
	return s, nil
}

// URL is where the sandbox is served, without a path.
func (s *Sandbox) URL() string { return "http://" + s.address }

// Close ends the sandbox, breaks connections that are open, and waits until
// nothing of it is left.
func (s *Sandbox) Close() error {
	err := s.server.Close()
	s.work.Wait()
	return err
}

// Wait waits until requests are served, and returns why they will not be.
func (s *Sandbox) Wait(ctx context.Context) error {
	select {
	case <-s.ready:
		return s.failure
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ServeHTTP hands a request to stripe-mock.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.Wait(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	s.handler.ServeHTTP(w, r)
}

func load() (http.Handler, error) {
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	const strictVersionCheck, verbose = true, false
	stub, err := server.NewStubServer(fixtures, spec, strictVersionCheck, verbose)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return http.HandlerFunc(stub.HandleRequest), nil
}
