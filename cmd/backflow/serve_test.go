package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
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

func TestTheConfigIsBackflowJSONWhereNoneIsNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"serve", "dev", "validate"} {
		if code, _, stderr := command(t, nil, name); code != exitUsage || !strings.Contains(stderr, "there is no backflow.json here") {
			t.Errorf("%s without a config: exit code %d: %s", name, code, stderr)
		}
	}
	if err := os.WriteFile("backflow.json", []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := command(t, nil, "validate"); code != exitOK || out != "backflow.json is valid\n" {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	if code, _, _ := command(t, nil, "validate", "-c", "other.json"); code != exitFailed {
		t.Errorf("another one: exit code %d", code)
	}
}
