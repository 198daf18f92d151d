package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
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
	d := newRunSender(s)
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
			subject.message = startRun
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

// It fails where a call does not come back with what the upstream responds, or reaches
// it more or less than once.
func TestTheFloorOfACallMakesEachCallOnce(t *testing.T) {
	dir := t.TempDir()
	start := func(kind, path, stubURL string) *subject {
		s, err := startSelf(t.Context(), kind, dir, medium{path: path}, stubURL, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	upstream := start("upstream", "", "")
	floor := start("callfloor", filepath.Join(dir, "s"), upstream.url+paymentIntentsPath)
	floor.message = message{path: "/", contentType: "application/json", body: []byte(createPaymentIntent)}
	d := newCallSender(upstream.url)
	t.Cleanup(d.close)
	p, err := d.measure(t.Context(), floor, 4, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if p.rate <= 0 || p.p50 <= 0 || p.p99 < p.p50 || p.resident <= 0 {
		t.Errorf("measured %+v", p)
	}
}

func TestStoredRunsAreThoseOfTheEngine(t *testing.T) {
	stubURL, _, stop, err := serveStub()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	m := medium{path: filepath.Join(t.TempDir(), "state.db")}
	const stored = 2 * failEvery
	oldest, err := fill(t.Context(), m, stubURL, stored)
	if err != nil {
		t.Fatal(err)
	}
	store, err := m.store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	runs := engine.New(engine.Options{Store: store})
	run, err := runs.Get(t.Context(), oldest)
	if err != nil || run.Status != workflow.RunSucceeded || len(run.Steps) != steps {
		t.Errorf("the oldest run is %+v, %v", run, err)
	}
	for status, want := range map[workflow.RunStatus]int{workflow.RunFailed: 3, workflow.RunRunning: 0, "": stored + 2} {
		request := engine.ListRequest{Limit: 200}
		if status != "" {
			request.Statuses = []workflow.RunStatus{status}
		}
		list, err := runs.List(t.Context(), request)
		if err == nil && list.NextCursor != "" {
			var rest engine.List
			request.Cursor = list.NextCursor
			rest, err = runs.List(t.Context(), request)
			list.Runs = append(list.Runs, rest.Runs...)
		}
		if err != nil || len(list.Runs) != want {
			t.Errorf("%d runs of status %q are stored, want %d: %v", len(list.Runs), status, want, err)
		}
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

// It fails where a genuine event is not received, and a forged one is.
func TestTheFloorOfReceivingVerifiesEachEvent(t *testing.T) {
	dir := t.TempDir()
	floor, err := startSelf(t.Context(), "receivefloor", dir, medium{path: filepath.Join(dir, "state.db")}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := floor.stop(); err != nil {
			t.Error(err)
		}
	})
	floor.message = signedEvent("payment_intent.created")
	d := newEventSender()
	t.Cleanup(d.close)
	p, err := d.measure(t.Context(), floor, 4, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if p.rate <= 0 || p.p50 <= 0 || p.p99 < p.p50 || p.resident <= 0 {
		t.Errorf("measured %+v", p)
	}
	floor.message.make = func() ([]byte, http.Header) {
		body, header := signedEvent("payment_intent.created").make()
		return append(body, ' '), header
	}
	if err := d.send(t.Context(), floor); err == nil {
		t.Error("a forged event was received")
	}
}
