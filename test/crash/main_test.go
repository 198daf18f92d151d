// Package crash kills the real programs at random instants, and looks for what
// was lost and what was done twice.
//
// BACKFLOW_CRASH_KILLS is how often a gateway is killed, for each store;
// BACKFLOW_CRASH_TIME is for how long two gateways on one Redis are upset in
// every way; BACKFLOW_CRASH_SEED repeats the choices of an earlier run, whose seed it
// printed.
package crash

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/test/program"
)

// The short form.
const (
	defaultKills  = 10
	defaultBudget = 15 * time.Second
)

// binaries are built once, by TestMain, and only read from then on.
var binaries *program.Binaries

// withFailpoints builds those whose gateway can be told where to die.
var withFailpoints func() (*program.Binaries, error)

func failing(t *testing.T) *program.Binaries {
	t.Helper()
	b, err := withFailpoints()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMain(m *testing.M) {
	os.Exit(program.Main(m, func(b *program.Binaries, dir string) error {
		binaries = b
		withFailpoints = sync.OnceValues(func() (*program.Binaries, error) { return b.WithFailpoints(dir) })
		return nil
	}))
}

// kills is how often to kill.
func kills(t *testing.T) int {
	return int(number(t, "BACKFLOW_CRASH_KILLS", defaultKills))
}

// budget is how long to go on.
func budget(t *testing.T) time.Duration {
	t.Helper()
	text, set := os.LookupEnv("BACKFLOW_CRASH_TIME")
	if !set {
		return defaultBudget
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("BACKFLOW_CRASH_TIME: %v", err)
	}
	return d
}

// seeded returns a source of choices, and prints its seed.
func seeded(t *testing.T) *rand.Rand {
	seed := number(t, "BACKFLOW_CRASH_SEED", rand.Uint64()>>1)
	t.Logf("BACKFLOW_CRASH_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text, set := os.LookupEnv(name)
	if !set {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
