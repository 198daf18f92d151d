package wasm_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// anOrder has 300 bytes.
const anOrder = `{"id":"ord_01HZX3K9P2Q8","customer":"cus_NffrFeUfNV2Hib","currency":"eur","lines":[` +
	`{"product":"Espresso beans, 1 kg","quantity":2,"amount":2490},` +
	`{"product":"Paper filters","quantity":10,"amount":399},` +
	`{"product":"Kettle","quantity":1,"amount":5900}],"notes":["ring twice","leave it at the door, please"]}`

// BenchmarkJSON is what reading 300 bytes into a struct and writing another one
// costs in a guest: of a typed action, of encoding/json, and without either.
func BenchmarkJSON(b *testing.B) {
	for _, deadline := range []plugin.Deadline{plugin.DeadlineHard, plugin.DeadlineSoft} {
		for _, action := range []string{"echo", "typed", "encodingJson"} {
			b.Run(action+"/"+string(deadline), func(b *testing.B) {
				i := launch(b, newLauncher(b), plugin.Spec{Path: path("jsonbench"), WASM: plugin.WASM{Deadline: deadline, Instances: 1}})
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				call := sdk.Call{Action: action, Params: json.RawMessage(anOrder), IdempotencyKey: "k", RequestID: "r"}
				times := make([]time.Duration, 0, b.N)
				for b.Loop() {
					begun := time.Now()
					if _, err := i.Execute(ctx, begun.Add(time.Minute), call); err != nil {
						b.Fatal(err)
					}
					times = append(times, time.Since(begun))
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1e3, "p50-us")
			})
		}
	}
}
