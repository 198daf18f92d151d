package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestAStopDuringTheStartIsNoFailure(t *testing.T) {
	t.Chdir(t.TempDir()) // where dev keeps its state
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, command := range []string{"serve", "dev"} {
		var output bytes.Buffer
		p := &program{stdout: &output, stderr: &output, lookupEnv: func(string) (string, bool) { return "", false }}
		if code := p.main(stopped, []string{command, "-c", file, "--listen", "127.0.0.1:0"}); code != exitOK {
			t.Errorf("%s: exit code %d\n%s", command, code, &output)
		}
	}
}

// The signal's default is to end the program, also one that reads its config.
func TestASighupIsKeptUntilItIsReceived(t *testing.T) {
	signals, stop := sighup()
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-signals:
	case <-time.After(10 * time.Second):
		t.Error("the signal was not received")
	}
}
