package wasm_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

const payload = 300

// BenchmarkExecute is a call of 300 bytes, frame in and frame out: echo. With
// JSON it is hello's greet, whose guest reads and writes JSON with encoding/json.
func BenchmarkExecute(b *testing.B) {
	for _, deadline := range []plugin.Deadline{plugin.DeadlineHard, plugin.DeadlineSoft} {
		for name, c := range map[string]struct{ file, call, params string }{
			"echo": {"fixture", "echo", `{"p":"` + strings.Repeat("x", payload-8) + `"}`},
			"json": {"hello", "greet", `{"name":"` + strings.Repeat("x", payload-11) + `"}`},
		} {
			b.Run(name+"/"+string(deadline), func(b *testing.B) {
				i := launch(b, newLauncher(b), plugin.Spec{Path: path(c.file), WASM: plugin.WASM{Deadline: deadline, Instances: 1}})
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				call := sdk.Call{Action: c.call, Params: json.RawMessage(c.params), IdempotencyKey: "k", RequestID: "r"}
				times := make([]time.Duration, 0, b.N)
				b.ReportAllocs()
				for b.Loop() {
					begun := time.Now()
					if _, err := i.Execute(ctx, begun.Add(time.Minute), call); err != nil {
						b.Fatal(err)
					}
					times = append(times, time.Since(begun))
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1e3, "p50-us")
				b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds())/1e3, "p99-us")
			})
		}
	}
}

// BenchmarkCallers is echo with many callers at once.
func BenchmarkCallers(b *testing.B) {
	i := launch(b, newLauncher(b), plugin.Spec{})
	call := sdk.Call{Action: "echo", Params: json.RawMessage(`{"p":"` + strings.Repeat("x", payload-8) + `"}`)}
	var left atomic.Int64
	left.Store(int64(b.N))
	var callers sync.WaitGroup
	b.ResetTimer()
	for range 64 {
		callers.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := i.Execute(context.Background(), time.Now().Add(time.Minute), call); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkFirstCall is a start with a warm cache and the first call after it.
func BenchmarkFirstCall(b *testing.B) {
	var starts, calls []time.Duration
	once := func() {
		launcher := newLauncher(b)
		begun := time.Now()
		i, err := launcher.Launch(b.Context(), plugin.Spec{Name: "hello", Path: path("hello")}, discard)
		if err != nil {
			b.Fatal(err)
		}
		started := time.Now()
		if _, err := i.Execute(b.Context(), time.Time{}, sdk.Call{Action: "greet", Params: []byte(`{"name":"Ada"}`)}); err != nil {
			b.Fatal(err)
		}
		starts, calls = append(starts, started.Sub(begun)), append(calls, time.Since(started))
		if err := i.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	once() // fills the cache
	starts, calls = nil, nil
	for b.Loop() {
		once()
	}
	slices.Sort(starts)
	slices.Sort(calls)
	b.ReportMetric(float64(starts[len(starts)/2].Microseconds())/1e3, "p50-start-ms")
	b.ReportMetric(float64(calls[len(calls)/2].Microseconds())/1e3, "p50-call-ms")
}
