package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
)

// Serve serves requests from the listener until ctx ends; then it stops
// taking connections, reports not ready, and lets requests under way finish
// within the drain time. It closes the listener. The error is nil after a
// clean stop. A Gateway serves until its first stop and no longer.
func (g *Gateway) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:                      g,
		MaxHeaderBytes:               g.limits.MaxHeaderBytes,
		ReadHeaderTimeout:            g.limits.HeaderTimeout,
		ReadTimeout:                  g.limits.ReadTimeout,
		IdleTimeout:                  g.limits.IdleTimeout,
		ErrorLog:                     slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
		DisableGeneralOptionsHandler: true, // OPTIONS * is a path like any other
		ConnContext:                  withConnection,
	}
	served := make(chan error, 1)
	go func() { // waited for below, in either case
		served <- server.Serve(newConnections(listener, min(g.limits.MaxConnections, mayOpen()), g.limits.WriteTimeout))
	}()
	select {
	case err := <-served:
		g.stop()
		return fmt.Errorf("gateway: serve: %w", err)
	case <-ctx.Done():
	}
	err := g.drain(server)
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("gateway: serve: %w", served))
	}
	return err
}

// drain stops the server: politely first, and by cutting what is left when the
// drain time is over.
func (g *Gateway) drain(server *http.Server) error {
	g.stop()
	// The drain begins because the caller's context ended: it needs its own.
	ctx, cancel := context.WithTimeout(context.Background(), g.limits.DrainTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("gateway: requests were cut off after %s: %w", g.limits.DrainTimeout, err), server.Close())
}
