package wasm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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

// BenchmarkCallers is echo with many callers at once. Calls scale with the cores
// where the processor time of one does not grow with the callers.
func BenchmarkCallers(b *testing.B) {
	call := sdk.Call{Action: "echo", Params: json.RawMessage(`{"p":"` + strings.Repeat("x", payload-8) + `"}`), IdempotencyKey: "k", RequestID: "r"}
	for _, deadline := range []plugin.Deadline{plugin.DeadlineHard, plugin.DeadlineSoft} {
		for _, callers := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/callers=%d", deadline, callers), func(b *testing.B) {
				i := launch(b, newLauncher(b), plugin.Spec{WASM: plugin.WASM{Deadline: deadline}})
				load := func(calls int) {
					var left atomic.Int64
					left.Store(int64(calls))
					var group sync.WaitGroup
					for range callers {
						group.Go(func() {
							// As a handler would: with a context of its own that can end.
							ctx, cancel := context.WithCancel(context.Background())
							defer cancel()
							for left.Add(-1) >= 0 {
								if _, err := i.Execute(ctx, time.Now().Add(time.Minute), call); err != nil {
									b.Error(err)
									return
								}
							}
						})
					}
					group.Wait()
				}
				load(50 * callers) // until all guests are there
				b.ResetTimer()
				begun := processorTime(b)
				load(b.N)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
				b.ReportMetric(float64((processorTime(b)-begun).Nanoseconds())/1e3/float64(b.N), "cpu-us/call")
			})
		}
	}
}

// BenchmarkFirstCall is a start with a warm cache and the first call after it, of
// small guests, with typed actions and without, and of one that carries net/http.
func BenchmarkFirstCall(b *testing.B) {
	for _, c := range []struct{ name, file, call, params string }{
		{"assemblyscript", "../../../sdk/assemblyscript/testdata/abi1/hello.wasm", "greet", `{"name":"Ada"}`},
		{"plain", path("plain"), "greet", `{"name":"Ada"}`},
		{"hello", path("hello"), "greet", `{"name":"Ada"}`},
		{"fetcher", path("fetcher"), "fetch", `{"Method":"GET","URL":"https://not.allowed.example/"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			launcher := newLauncher(b)
			var starts, calls []time.Duration
			once := func() {
				begun := time.Now()
				i, err := launcher.Launch(b.Context(), plugin.Spec{Name: c.name, Path: c.file}, discard)
				if err != nil {
					b.Fatal(err)
				}
				started := time.Now()
				// A refusal is a result too.
				if _, err := i.Execute(b.Context(), time.Time{}, sdk.Call{Action: c.call, Params: []byte(c.params)}); err != nil && !errors.Is(err, &sdk.Error{Code: sdk.CodeRejected}) {
					b.Fatal(err)
				}
				starts, calls = append(starts, started.Sub(begun)), append(calls, time.Since(started))
				if err := i.Close(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			once() // fills the cache
			starts, calls = nil, nil
			begun := processorTime(b)
			for b.Loop() {
				once()
			}
			b.ReportMetric(float64((processorTime(b)-begun).Microseconds())/1e3/float64(len(starts)), "cpu-ms")
			slices.Sort(starts)
			slices.Sort(calls)
			b.ReportMetric(float64(starts[len(starts)/2].Microseconds())/1e3, "p50-start-ms")
			b.ReportMetric(float64(calls[len(calls)/2].Microseconds())/1e3, "p50-call-ms")
		})
	}
}

// processorTime returns how much processor time this process has used. Unlike the
// clock, it is the same on a busy machine.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
