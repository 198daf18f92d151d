package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/sqlite"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

const threeSteps = `{"id":"three","steps":[
  {"id":"first","type":"instant","action":"do","params":{"data":"{{input.data}}"}},
  {"id":"second","type":"instant","action":"do","params":{"previous":"{{steps.first.result.id}}","data":"{{input.data}}"}},
  {"id":"third","type":"instant","action":"do","params":{"previous":"{{steps.second.result.id}}","data":"{{input.data}}"}}]}`

// instant is an integration that returns at once.
type instant struct{}

var instantManifest = &sdk.Manifest{Name: "instant", Version: "1.0.0", Actions: []sdk.ActionSpec{{
	Name: "do", Writes: true, Repeat: sdk.RepeatNative,
	Params: json.RawMessage(`{"type":"object","properties":{"previous":{"type":"string"},"data":{"type":"string"}},"required":["data"],"additionalProperties":false}`),
}}}

func (instant) Name() string            { return "instant" }
func (instant) Manifest() *sdk.Manifest { return instantManifest }
func (instant) Status() action.Status   { return action.Status{State: action.StateReady} }

func (instant) Execute(context.Context, action.Call) (sdk.Result, error) {
	return sdk.Result{Body: []byte(`{"id":"thing_0000000000000001","object":"thing","status":"ready"}`)}, nil
}

// BenchmarkRun measures a run of three steps, from its start to its end, on
// SQLite, at 1, 16 and 64 callers. Beside each is the floor: four appends of
// 300 bytes to a journal of the same store, one after another, which is what
// such a run must make durable. The floor's result carries the ratio.
func BenchmarkRun(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		var perRun float64 // nanoseconds
		b.Run(fmt.Sprintf("callers=%d/run", callers), func(b *testing.B) {
			e := openBench(b)
			text := fmt.Sprintf(`{"data":%q}`, bytes.Repeat([]byte("x"), 150))
			perRun = measure(b, callers, func() error {
				run, err := e.Start(context.Background(), StartRequest{Workflow: "three", Roots: input(text)}) // each run has an input of its own, to be parsed
				if err == nil {
					run, err = e.Wait(context.Background(), run.ID)
				}
				if err == nil && run.Status != workflow.RunSucceeded {
					err = fmt.Errorf("run %s is %s", run.ID, run.Status)
				}
				return err
			})
		})
		b.Run(fmt.Sprintf("callers=%d/floor", callers), func(b *testing.B) {
			store := openBenchStore(b)
			entry := bytes.Repeat([]byte("x"), 300)
			floor := measure(b, callers, func() error {
				id := NewRunID()
				for n := range 4 {
					if err := store.Commit(context.Background(), state.Require("lease", "g"), state.Append(id, n, entry)); err != nil {
						return err
					}
				}
				return nil
			})
			if perRun > 0 {
				b.ReportMetric(perRun/floor, "run/floor")
			}
		})
	}
}

func openBenchStore(b *testing.B) state.Store {
	store, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(b.TempDir(), "state.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := store.Commit(context.Background(), state.Insert("lease", "g", nil, 0)); err != nil {
		b.Fatal(err)
	}
	return store
}

func openBench(b *testing.B) *Engine {
	registry, err := action.NewRegistry(instant{})
	if err != nil {
		b.Fatal(err)
	}
	store := openBenchStore(b)
	e := New(Options{Store: store, Lease: testLease{id: "g", store: store}, Actions: registry})
	d, err := workflow.Parse([]byte(threeSteps), workflow.InputRoots)
	if err != nil {
		b.Fatal(err)
	}
	if err := e.SetDefinitions(context.Background(), []*workflow.Definition{d}); err != nil {
		b.Fatal(err)
	}
	e.Run()
	b.Cleanup(func() {
		if err := e.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return e
}

// measure divides b.N calls among callers and returns nanoseconds a call.
func measure(b *testing.B, callers int, do func() error) float64 {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	return float64(b.Elapsed().Nanoseconds()) / float64(b.N)
}
