package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(childEnv); kind != "" {
		exit(child(kind))
	}
	goleak.VerifyTestMain(m)
}

func TestFloorAndGatewayDoTheSameWork(t *testing.T) {
	stubURL, s, stop, err := serveStub()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	d := newSender(s)
	t.Cleanup(d.close)
	for _, kind := range []string{"floor", "inprocess"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			subject, err := startSelf(t.Context(), kind, dir, medium{path: filepath.Join(dir, "state.db")}, stubURL, "")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := subject.stop(); err != nil {
					t.Error(err)
				}
			})
			// It fails where a run fails, or makes more or fewer calls than it has steps.
			p, err := d.measure(t.Context(), subject, 4, 100*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if p.rate <= 0 || p.p50 <= 0 || p.p99 < p.p50 || p.resident <= 0 {
				t.Errorf("measured %+v", p)
			}
		})
	}
}

func TestRedisFloorKeepsWhatItAcknowledges(t *testing.T) {
	url, stop, err := startRedis(t.Context(), t.TempDir(), "always")
	if errors.Is(err, errNoRedis) && os.Getenv("BACKFLOW_REQUIRE_SERVERS") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	j, err := medium{url: url}.journal()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		if err := j.append("run", n, fmt.Append(nil, n)); err != nil {
			t.Error(err)
		}
	}
	if err := j.close(); err != nil {
		t.Error(err)
	}
}
