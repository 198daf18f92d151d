package statetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
)

// BenchEntry is the journal entry of a typical commit: 300 bytes.
var BenchEntry = bytes.Repeat([]byte("0123456789"), 30)

// benchRun is how many entries a journal of the benchmark has: a run of three
// steps.
const benchRun = 4

// benchSlices is how often commit and floor take turns in one measurement, so
// that other load of the machine falls on both.
const benchSlices = 20

// Bench measures a typical commit (the process's lease holds, one entry is
// appended to a run's journal) at 1, 16 and 64 callers, and in turns with it
// the floor: the least that the same durable append of 300 bytes costs on the
// same medium. Opening functions make a fresh, empty store or floor, and end it
// with the benchmark. Results are commits/s, floor/s and the ratio between the
// two, the median over the turns.
func Bench(b *testing.B, open func(*testing.B) state.Store, floor func(*testing.B) func() error) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := open(b)
			if err := s.Commit(context.Background(), state.Insert("lease", "l", []byte("{}"), 0)); err != nil {
				b.Fatal(err)
			}
			bare := floor(b)
			var ratios []float64
			var commits, floors time.Duration
			n := max(b.N/benchSlices, callers)
			b.ResetTimer()
			for range benchSlices {
				commit := measure(b, n, callers, func() func() error { return appender(s) })
				floor := measure(b, n, callers, func() func() error { return bare })
				commits, floors = commits+commit, floors+floor
				ratios = append(ratios, float64(commit)/float64(floor))
			}
			slices.Sort(ratios)
			b.ReportMetric(0, "ns/op") // of both together, which says nothing
			b.ReportMetric(float64(n*benchSlices)/commits.Seconds(), "commits/s")
			b.ReportMetric(float64(n*benchSlices)/floors.Seconds(), "floor/s")
			b.ReportMetric(ratios[benchSlices/2], "ratio")
		})
	}
}

// appender makes a function that commits the next entry of a run, and begins
// another run when that is over.
func appender(s state.Store) func() error {
	journal, seq := "", benchRun
	return func() error {
		if seq == benchRun {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			journal, seq = id.String(), 0
		}
		seq++
		return s.Commit(context.Background(), state.Require("lease", "l"), state.Append(journal, seq-1, BenchEntry))
	}
}

// measure divides n calls among callers and returns how long they took.
func measure(b *testing.B, n, callers int, caller func() func() error) time.Duration {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	start := time.Now()
	for range callers {
		wg.Go(func() {
			do := caller()
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
