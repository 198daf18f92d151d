package sim

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSim runs seeds, each in a simulation of its own, and checks them against the
// invariants.
func TestSim(t *testing.T) {
	if *oneSeed >= 0 {
		sim := simulate(t, *oneSeed, nil)
		t.Log("\n" + strings.Join(sim.trace, "\n"))
		if sim.violation != "" {
			t.Errorf("seed %d: %s", sim.seed, sim.violation)
		}
		return
	}
	began := time.Now()
	var sum tally
	for seed := *firstSeed; seed < *firstSeed+*seedCount; seed++ {
		sim := simulate(t, seed, nil)
		sum.add(sim.tally)
		switch {
		case sim.violation == "":
		case *goOn:
			t.Errorf("seed %d: %s", seed, sim.violation)
		default:
			t.Fatalf("seed %d: %s\nthe trace of what happened:\n%s\nrepeat it: go test ./test/sim -run TestSim -sim.seed=%d -v",
				seed, sim.violation, strings.Join(sim.trace, "\n"), seed)
		}
	}
	t.Logf("%d seeds in %v: %s", *seedCount, time.Since(began).Round(time.Millisecond), sum)
}

// TestPlantedBugsAreFound plants each bug into the gateways: a simulation that does
// not find it proves nothing.
func TestPlantedBugsAreFound(t *testing.T) {
	const most = 500
	for i, bug := range slices.Concat(bugs, placementBugs) {
		t.Run(bug.name, func(t *testing.T) {
			first := int64(1000 * (i + 1)) // after those of TestSim, see spacing
			for seed := first; seed < first+most; seed++ {
				if sim := simulate(t, seed, &bug); sim.violation != "" {
					t.Logf("seed %d, the %d.: %s", seed, seed-first+1, sim.violation)
					return
				}
			}
			t.Errorf("%d seeds do not find it", most)
		})
	}
}

// spacing keeps the times of two seeds apart. Ids hold the time and grow all
// through the life of a process, so that a seed which began before the end of
// another would have other ids than on its own.
const spacing = 2 * time.Hour

func simulate(t *testing.T, seed int64, bug *bug) (sim *simulation) {
	defer func() {
		if p := recover(); p != nil { // the bubble found a deadlock
			sim.violated("nothing hangs", "%v", p)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Duration(seed) * spacing)
		sim = newSimulation(t, seed, bug)
		sim.run()
	})
	return sim
}
