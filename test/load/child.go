package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// The environment of a child process of this program.
const (
	childEnv   = "BACKFLOW_LOAD_CHILD" // "floor" or "inprocess"
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
	listener, err := net.Listen("tcp", os.Getenv(listenEnv))
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
	if kind == "inprocess" {
		return serveInProcess(ctx, listener, m, os.Getenv(stubEnv))
	}
	return serveFloor(ctx, listener, m, os.Getenv(stubEnv))
}

func serveFloor(ctx context.Context, listener net.Listener, m medium, stubURL string) error {
	journal, err := m.journal()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newFloor(journal, stubURL)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }() // waited for below
	<-ctx.Done()
	err = server.Shutdown(context.Background())
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return errors.Join(err, journal.close())
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
