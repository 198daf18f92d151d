package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
)

// The environment of a child process of this program.
const (
	childEnv   = "BACKFLOW_LOAD_CHILD" // a case of child
	listenEnv  = "BACKFLOW_LOAD_LISTEN"
	pathEnv    = "BACKFLOW_LOAD_PATH"
	redisEnv   = "BACKFLOW_LOAD_REDIS"
	stubEnv    = "BACKFLOW_LOAD_STUB"
	profileEnv = "BACKFLOW_LOAD_CPUPROFILE" // what the files of CPU profiles begin with; empty for none
)

var stderr = os.Stderr

// child is what a child process does until it gets a signal.
func child(kind string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	network, address := "tcp", os.Getenv(listenEnv)
	if filepath.IsAbs(address) {
		network = "unix"
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	m := medium{path: os.Getenv(pathEnv), url: os.Getenv(redisEnv)}
	if prefix := os.Getenv(profileEnv); prefix != "" {
		stop, err := profile(prefix + "." + kind)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	switch stubURL := os.Getenv(stubEnv); kind {
	case "inprocess":
		return serveInProcess(ctx, listener, m, stubURL)
	case "upstream":
		return serveHTTP(ctx, listener, newUpstream())
	case "receivefloor":
		return serveReceiveFloor(ctx, listener, m)
	case "callfloor":
		return serveCallFloor(ctx, listener, m.path, stubURL)
	case "callfloor-second":
		return serveCallFloorSecond(ctx, listener, stubURL)
	default:
		return serveFloor(ctx, listener, m, stubURL)
	}
}

func serveFloor(ctx context.Context, listener net.Listener, m medium, stubURL string) error {
	journal, err := m.journal()
	if err != nil {
		return err
	}
	return errors.Join(serveHTTP(ctx, listener, newFloor(journal, stubURL)), journal.close())
}

// serveHTTP serves a handler until ctx has ended and the last request has its response.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }() // waited for below
	<-ctx.Done()
	err := server.Shutdown(context.Background())
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return err
}

// profile writes a CPU profile until it is stopped.
func profile(path string) (stop func() error, err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}
