// Package gcpace lets the heap of a small program grow further before it is
// collected. The live heap of a gateway, or of a plugin, is only a few MiB, and Go
// collects whenever the heap has doubled: under load that was forty times a second,
// and a fifth of all processor time.
//
// The package imports nothing of the project.
package gcpace

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Bounds of GOGC, in percent. 100 is Go's default: with a live heap larger than
// the spare one the collector behaves as in any other Go program.
const (
	minGrowth = 100
	maxGrowth = 800
)

// Tune adapts GOGC from then on, so that the program may allocate about so many bytes
// between two collections, unless the operator set GOGC or GOMEMLIMIT. It must be
// called once at most.
func Tune(spare uint64, lookupEnv func(string) (string, bool)) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, given := lookupEnv(name); given {
			return
		}
	}
	pace{spare, minGrowth}.adapt()
}

// pace is the spare heap in bytes and the present GOGC.
type pace struct {
	spare  uint64
	growth int
}

// adapt sets GOGC from the live heap, and again after each collection: the
// cleanup runs once its object was collected.
func (p pace) adapt() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if next := growthFor(p.spare, live[0].Value.Uint64()); next != p.growth {
		debug.SetGCPercent(next)
		p.growth = next
	}
	runtime.AddCleanup(new([64]byte), pace.adapt, p)
}

// growthFor returns the GOGC value that lets a heap with so many live bytes grow
// by the spare ones.
func growthFor(spare, live uint64) int {
	return int(min(max(spare*100/max(live, 1), minGrowth), maxGrowth))
}
