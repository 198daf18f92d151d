package sim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSim runs seeds, each in a world of its own, and holds them against the
// invariants.
func TestSim(t *testing.T) {
	if *oneSeed >= 0 {
		w := simulate(t, *oneSeed)
		t.Log("\n" + strings.Join(w.trace, "\n"))
		if w.broken != "" {
			t.Errorf("seed %d: %s", w.seed, w.broken)
		}
		return
	}
	began := time.Now()
	var sum tally
	for seed := *firstSeed; seed < *firstSeed+*seedCount; seed++ {
		w := simulate(t, seed)
		sum.add(w.tally)
		switch {
		case w.broken == "":
		case *goOn:
			t.Errorf("seed %d: %s", seed, w.broken)
		default:
			t.Fatalf("seed %d: %s\nthe trace of what happened:\n%s\nrepeat it: go test ./test/sim -run TestSim -sim.seed=%d -v",
				seed, w.broken, strings.Join(w.trace, "\n"), seed)
		}
	}
	t.Logf("%d seeds in %v: %s", *seedCount, time.Since(began).Round(time.Millisecond), sum)
}

// spacing keeps the times of two seeds apart. Ids hold the time and grow all
// through the life of a process, so that a seed which began before the end of
// another would have other ids than on its own.
const spacing = 2 * time.Hour

func simulate(t *testing.T, seed int64) *world {
	var w *world
	defer func() {
		if p := recover(); p != nil { // the bubble found that nobody can go on
			t.Fatalf("seed %d: %v\n%s", seed, p, strings.Join(w.trace, "\n"))
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Duration(seed) * spacing)
		w = newWorld(t, seed)
		w.run()
	})
	return w
}
