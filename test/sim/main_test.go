package sim

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
)

var (
	oneSeed   = flag.Int64("sim.seed", -1, "run this seed alone and print its trace")
	seedCount = flag.Int64("sim.seeds", 200, "how many seeds to run")
	goOn      = flag.Bool("sim.all", false, "go on after a seed that fails, and tell each in a line")
	firstSeed = flag.Int64("sim.from", 1, "the first of the seeds")
)

func TestMain(m *testing.M) {
	flag.Parse()
	// One processor: which goroutine runs next is then nearly always decided by
	// what the program does, not by the machine's load.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400) // a simulation is small and short
	os.Exit(m.Run())
}
