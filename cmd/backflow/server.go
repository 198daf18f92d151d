package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/server"
)

// startServer binds the address and starts a server there.
func startServer(ctx context.Context, plan *compile.Plan, address string, o server.Options) (*server.Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w (--listen chooses another address)", err)
	}
	o.Listener, o.Version = listener, version
	return server.Start(ctx, plan, o)
}

// unlessStopped is the error of a start, or nil where the start failed only
// because the program was asked to stop.
func unlessStopped(ctx context.Context, err error, log *slog.Logger) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	log.Info("stopped before the start was complete")
	return nil
}

// sighup delivers SIGHUP until stop is called. It is called before anything is
// read: the signal ends a program that does not wait for it, also one that has
// hardly begun.
func sighup() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
