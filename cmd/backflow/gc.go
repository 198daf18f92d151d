package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// spareHeap is what a gateway may allocate, in bytes, before garbage is
// collected. Little is alive in one, a few MiB, and Go collects whenever the
// heap has doubled: under load that was forty times a second, and a fifth of all
// processor time.
const spareHeap = 32 << 20

// Bounds of the percentage by which the heap may grow between two collections.
// 100 is Go's own: with more alive than spareHeap, memory is used as by any
// other Go program.
const (
	leastGrowth = 100
	mostGrowth  = 800
)

// tuneGC paces the garbage collector by spareHeap from then on, unless
// the operator did so by GOGC or GOMEMLIMIT. It is to be called once.
func tuneGC(lookupEnv func(string) (string, bool)) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, given := lookupEnv(name); given {
			return
		}
	}
	paceGC(leastGrowth)
}

// paceGC sets the growth by what is alive, and again after each
// collection: that is when the object that it leaves behind is found dead.
func paceGC(growth int) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if next := growthFor(live[0].Value.Uint64()); next != growth {
		debug.SetGCPercent(next)
		growth = next
	}
	runtime.AddCleanup(new([64]byte), paceGC, growth)
}

// growthFor is the percentage that lets a heap, of which so many bytes are
// alive, grow by spareHeap.
func growthFor(live uint64) int {
	return int(min(max(spareHeap*100/max(live, 1), leastGrowth), mostGrowth))
}
