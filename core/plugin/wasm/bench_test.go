package wasm_test

import (
	"context"
	"encoding/json"
	"fmt"
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

// BenchmarkExecute is a call of 300 bytes, frame in and frame out: echo. The
// others read and write JSON in the guest as well: typed is a typed action of
// package sdk, plain the same written by hand with encoding/json. Both write a
// record into the log, and so does log, without the JSON.
func BenchmarkExecute(b *testing.B) {
	greet := `{"name":"` + strings.Repeat("x", payload-11) + `"}`
	for _, deadline := range []plugin.Deadline{plugin.DeadlineHard, plugin.DeadlineSoft} {
		for _, c := range []struct{ name, file, call, params string }{
			{"echo", "fixture", "echo", `{"p":"` + strings.Repeat("x", payload-8) + `"}`},
			{"typed", "hello", "greet", greet},
			{"plain", "plain", "greet", greet},
			{"log", "fixture", "log", "{}"},
		} {
			b.Run(c.name+"/"+string(deadline), func(b *testing.B) {
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

// BenchmarkCallers is echo with many callers at once. On as many cores as are
// asked for (-cpu 1,2), it tells how calls scale with them.
func BenchmarkCallers(b *testing.B) {
	call := sdk.Call{Action: "echo", Params: json.RawMessage(`{"p":"` + strings.Repeat("x", payload-8) + `"}`), IdempotencyKey: "k", RequestID: "r"}
	for _, deadline := range []plugin.Deadline{plugin.DeadlineHard, plugin.DeadlineSoft} {
		for _, callers := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/callers=%d", deadline, callers), func(b *testing.B) {
				i := launch(b, newLauncher(b), plugin.Spec{WASM: plugin.WASM{Deadline: deadline}})
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				var left atomic.Int64
				left.Store(int64(b.N))
				var group sync.WaitGroup
				b.ResetTimer()
				for range callers {
					group.Go(func() {
						for left.Add(-1) >= 0 {
							if _, err := i.Execute(ctx, time.Now().Add(time.Minute), call); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				group.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			})
		}
	}
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
