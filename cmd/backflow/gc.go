package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// spareHeap is how many bytes a gateway may allocate between two collections. Its
// live heap is only a few MiB, and Go collects whenever the heap has doubled:
// under load that was forty times a second, and a fifth of all processor time.
const spareHeap = 32 << 20

// Bounds of GOGC, in percent. 100 is Go's default: with a live heap larger than
// spareHeap the collector behaves as in any other Go program.
const (
	minGrowth = 100
	maxGrowth = 800
)

// tuneGC adapts GOGC to spareHeap from then on, unless the operator set GOGC or
// GOMEMLIMIT. It must be called once.
func tuneGC(lookupEnv func(string) (string, bool)) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, given := lookupEnv(name); given {
			return
		}
	}
	paceGC(minGrowth)
}

// paceGC sets GOGC from the live heap, and again after each collection: the
// cleanup runs once its object was collected.
func paceGC(growth int) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if next := growthFor(live[0].Value.Uint64()); next != growth {
		debug.SetGCPercent(next)
		growth = next
	}
	runtime.AddCleanup(new([64]byte), paceGC, growth)
}

// growthFor returns the GOGC value that lets a heap with so many live bytes grow
// by spareHeap.
func growthFor(live uint64) int {
	return int(min(max(spareHeap*100/max(live, 1), minGrowth), maxGrowth))
}
