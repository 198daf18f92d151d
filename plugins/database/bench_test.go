package main

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// BenchmarkActions is what an action costs within the plugin's own process, with the
// database's own work beside it: a row that is read by its key, and one that is inserted,
// with an idempotency key and without one.
func BenchmarkActions(b *testing.B) {
	for _, engine := range engines {
		b.Run(engine.Name, func(b *testing.B) {
			place := engine.Fresh(b)
			plugin := configured(b, place.Dir, fmt.Sprintf(`{"url":%q}`, place.URL), newClock())
			if _, err := place.DB.Exec(engine.SQL("CREATE TABLE payments (id {id}, stripe_id {text} NOT NULL UNIQUE, amount {int} NOT NULL)")); err != nil {
				b.Fatal(err)
			}
			if _, err := place.DB.Exec("INSERT INTO payments (id, stripe_id, amount) VALUES (1000000, 'pi_0', 2000)"); err != nil {
				b.Fatal(err)
			}
			var rows atomic.Int64
			insert := func(keyed bool) sdk.Call {
				name := fmt.Sprintf("pi_%d", rows.Add(1))
				call := sdk.Call{Action: "insert", Params: json.RawMessage(`{"table":"payments","data":{"stripe_id":"` + name + `","amount":2000}}`)}
				if keyed {
					call.IdempotencyKey = name
				}
				return call
			}
			row := json.RawMessage(`{"table":"payments","key":"1000000"}`)
			for _, one := range []struct {
				name string
				call func() sdk.Call
			}{
				{"insert", func() sdk.Call { return insert(false) }},
				{"insert with a key", func() sdk.Call { return insert(true) }},
				{"get", func() sdk.Call { return sdk.Call{Action: "get", Params: row} }},
			} {
				b.Run(one.name, func(b *testing.B) {
					b.ReportAllocs()
					b.SetParallelism(8)
					began := time.Now()
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if _, err := plugin.Execute(b.Context(), one.call()); err != nil {
								b.Error(err)
								return
							}
						}
					})
					b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "calls/s")
				})
			}
		})
	}
}
