package crash

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

const (
	// leaseTaken is what a gateway logs when it has taken the lease of another.
	leaseTaken = "its lease was taken away, its runs go on elsewhere"
	// leaseLost is what a gateway says when it ends because that happened to it.
	leaseLost = "the lease of this gateway was taken away"
	// failover is how long a gateway that is gone may hold up its runs.
	failover = 10 * time.Second
)

// pair is two gateways on one Redis.
type pair struct {
	t         *testing.T
	harnesses [2]*harness
	gateways  [2]*program.Gateway
}

func newPair(t *testing.T, b *program.Binaries) *pair {
	first := newHarness(t, b, onRedis)
	p := &pair{t: t, harnesses: [2]*harness{first, first.beside(t, b)}}
	for i := range p.harnesses {
		p.start(i)
	}
	return p
}

func (p *pair) start(i int) { p.gateways[i] = p.harnesses[i].Serve(token) }

// both returns the gateways as they are now: those that come after them have the
// same addresses.
func (p *pair) both() []*program.Gateway { return slices.Clone(p.gateways[:]) }

// kill kills a gateway and starts it again after a pause.
func (p *pair) kill(i int, away time.Duration) {
	p.gateways[i].Kill()
	p.harnesses[i].PluginsGone(orphanLimit)
	time.Sleep(away)
	p.start(i)
}

// replace ends a gateway in order and starts it again.
func (p *pair) replace(i int) {
	p.t.Helper()
	if code := p.gateways[i].Stop(); code != 0 {
		p.t.Errorf("SIGTERM: exit code %d", code)
	}
	p.harnesses[i].PluginsGone(orphanLimit)
	p.start(i)
}

// pause stops a gateway for a time in which its lease lasts, and wants it to go
// on as if nothing had been.
func (p *pair) pause(i int, d time.Duration) {
	p.t.Helper()
	p.gateways[i].Signal(syscall.SIGSTOP)
	time.Sleep(d)
	p.gateways[i].Signal(syscall.SIGCONT)
	program.Want(p.t, http.StatusOK, p.gateways[i].Get("/runs?limit=1"))
}

// suspend stops a gateway until the other one has taken its lease away, and
// wants it to end when it wakes up. Then it is started again.
func (p *pair) suspend(i int) {
	p.t.Helper()
	g, other := p.gateways[i], p.gateways[1-i]
	_, before := other.Output()
	taken := strings.Count(before, leaseTaken)
	g.Signal(syscall.SIGSTOP)
	// Twice the limit: the other one may have started a moment ago, and takes
	// nothing before its own lease is steady.
	testkit.Eventually(p.t, 2*failover, "the lease of the stopped gateway is taken", func() bool {
		_, log := other.Output()
		return strings.Count(log, leaseTaken) > taken
	})
	g.Signal(syscall.SIGCONT)
	code := g.Wait()
	if _, log := g.Output(); code != 1 || !strings.Contains(log, leaseLost) {
		p.t.Errorf("a gateway without its lease ended with exit code %d", code)
	}
	p.harnesses[i].PluginsGone(orphanLimit)
	p.start(i)
}

// upset does something to one of the gateways or to Redis, and says what.
func (p *pair) upset(choices *rand.Rand) string {
	p.t.Helper()
	i := choices.IntN(2)
	switch choices.IntN(10) {
	case 0, 1, 2:
		p.kill(i, 0)
		return "a gateway was killed"
	case 3:
		p.kill(i, failover) // the other one takes its work over
		return "a gateway was killed for a while"
	case 4, 5:
		p.replace(i)
		return "a gateway was replaced"
	case 6:
		p.pause(i, time.Duration(choices.Int64N(int64(3*time.Second))))
		return "a gateway was stopped within its lease"
	case 7:
		p.suspend(i)
		return "a gateway was stopped past its lease"
	case 8:
		pid := p.gateways[i].PluginPID("stripe", 0)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			p.t.Fatal(err)
		}
		return "a plugin was killed"
	default:
		redis := p.harnesses[0].redis
		redis.Kill()
		soon(choices, time.Second)
		redis.Restart()
		return "Redis was killed"
	}
}

func TestNothingIsLostOrDoneTwiceOnTwoGatewaysWhateverHappens(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	choices := seeded(t)
	p := newPair(t, binaries)
	p.harnesses[0].trouble(choices)
	c := open(t, p.both()...)
	happened := map[string]int{}
	for end := time.Now().Add(budget(t)); time.Now().Before(end); {
		soon(choices, 500*time.Millisecond)
		happened[p.upset(choices)]++
		if t.Failed() {
			return
		}
	}
	t.Log(happened)
	p.harnesses[0].wantEverythingOnce(t, c, p.gateways[0])
}

func TestAGatewayStoppedPastItsLeaseLosesItsRunsAndDoublesNothing(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	choices := seeded(t)
	p := newPair(t, binaries)
	p.harnesses[0].trouble(choices)
	c := open(t, p.both()...)
	for i := range 2 {
		c.moreOrders(t)
		soon(choices, 100*time.Millisecond)
		p.suspend(i)
	}
	p.harnesses[0].wantEverythingOnce(t, c, p.gateways[1])
}

func TestRunsOfAKilledGatewayGoOnElsewhereWithinTenSeconds(t *testing.T) {
	t.Parallel()
	p := newPair(t, binaries)
	runs := p.startRuns(0, 10)
	p.gateways[0].Kill()
	took := p.finish(1, runs, failover+5*time.Second) // and the runs themselves take a while
	t.Logf("all runs had ended %s after the kill", took)
}

func TestATerminatedGatewayHandsItsRunsOverAtOnce(t *testing.T) {
	t.Parallel()
	p := newPair(t, binaries)
	runs := p.startRuns(0, 10)
	p.gateways[0].Signal(syscall.SIGTERM)
	// A lease that has to expire takes five seconds.
	took := p.finish(1, runs, 4*time.Second)
	t.Logf("all runs had ended %s after SIGTERM", took)
	if code := p.gateways[0].Wait(); code != 0 {
		t.Errorf("SIGTERM: exit code %d", code)
	}
}

// startRuns starts runs on a gateway whose calls to Stripe take a second each.
func (p *pair) startRuns(i, n int) []string {
	p.t.Helper()
	p.harnesses[0].stripe.SetChance(stripedouble.Chance{Slow: 1, DelayMillis: 1000})
	ids := make([]string, n)
	for k := range ids {
		ids[k] = program.Want(p.t, http.StatusAccepted, p.gateways[i].Do(orderRequest(fmt.Sprintf("run-%d", k)))).Text("id")
	}
	return ids
}

// finish waits until runs have ended well, as a gateway shows them, and returns
// how long it took. Each of them has two effects.
func (p *pair) finish(i int, ids []string, limit time.Duration) time.Duration {
	p.t.Helper()
	begin := time.Now()
	for _, id := range ids {
		testkit.Eventually(p.t, limit-time.Since(begin), "run "+id+" has ended", func() bool {
			return program.Want(p.t, http.StatusOK, p.gateways[i].Get("/runs/"+id)).Text("status") == "succeeded"
		})
	}
	took := time.Since(begin).Round(10 * time.Millisecond)
	if n := len(p.harnesses[0].stripe.Effects()); n != 2*len(ids) {
		p.t.Errorf("%d effects of %d runs, want two each", n, len(ids))
	}
	return took
}
