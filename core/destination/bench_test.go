package destination

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/sqlite"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// BenchmarkSending is what a message costs from the call to the response of its
// receiver, at 64 at a time on SQLite, beside what a bare client pays for the same
// requests.
func BenchmarkSending(b *testing.B) {
	var taken atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		taken.Add(1)
	}))
	defer server.Close()
	rule, err := egress.ParseRule("127.0.0.1")
	if err != nil {
		b.Fatal(err)
	}
	policy, d := egress.NewPolicy(rule), crm()
	d.URL = server.URL
	to, err := NewDestination(d, policy)
	if err != nil {
		b.Fatal(err)
	}
	const atOnce = 64
	data := `{"data":"` + string(bytes.Repeat([]byte("x"), 1024)) + `"}`

	b.Run("bare", func(b *testing.B) {
		client := newTransport(policy, nil)
		defer client.CloseIdleConnections()
		each(b, atOnce, func(n int64) error {
			_, _, failed := to.attempt(context.Background(), client, fmt.Sprint("msg_", n), []byte(data), time.Now())
			if failed != nil {
				return failed
			}
			return nil
		})
	})
	b.Run("message", func(b *testing.B) {
		store, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(b.TempDir(), "state.db")})
		if err != nil {
			b.Fatal(err)
		}
		defer store.Close()
		if err := store.Commit(context.Background(), state.Insert("lease", "g", nil, 0)); err != nil {
			b.Fatal(err)
		}
		s := New(Options{})
		registry, err := action.NewRegistry(s.Deliverer())
		if err != nil {
			b.Fatal(err)
		}
		runs := engine.New(engine.Options{Store: store, Lease: testLease{"g", store}, Actions: actions{registry}})
		s.Use(store, testLease{"g", store}, runs)
		definition, err := Workflow("crm", Turns{Concurrency: atOnce})
		if err != nil {
			b.Fatal(err)
		}
		if err := runs.SetDefinitions(context.Background(), []*workflow.Definition{definition}); err != nil {
			b.Fatal(err)
		}
		s.Set([]*Destination{to}, policy)
		runs.Run()
		s.Run()
		sender := NewIntegration(s.Names()).Through(s)
		began := taken.Load()
		each(b, atOnce, func(n int64) error {
			_, err := sender.Execute(context.Background(), action.Call{
				Action: ActionSend, IdempotencyKey: fmt.Sprint(n), Params: value.TrustedDoc(fmt.Appendf(nil, `{"destination":"crm","type":"a","data":%s}`, data)),
			})
			return err
		})
		for taken.Load() < began+int64(b.N) { // all of them, also those that wait for their turn
			if err := backoff.Sleep(b.Context(), time.Millisecond); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		s.Stop()
		if err := runs.Stop(context.Background()); err != nil {
			b.Fatal(err)
		}
	})
}

// each does something as often as the benchmark asks, so many at a time.
func each(b *testing.B, atOnce int, do func(n int64) error) {
	var next atomic.Int64
	b.SetParallelism(atOnce)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := do(next.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
