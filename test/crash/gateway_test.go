package crash

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
)

func TestNothingIsLostOrDoneTwiceWhenTheGatewayIsKilled(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	eachStore(t, func(t *testing.T, p *place, choices *rand.Rand) {
		g := p.Serve(token)
		s := open(t, g)
		starting := 0
		for range kills(t) {
			p.killSoon(g, choices)
			if choices.IntN(4) == 0 { // while it starts, too
				p.killSoon(p.Launch(token), choices)
				starting++
			}
			g = p.Serve(token)
		}
		p.wantEverythingOnce(t, s, g)
		t.Logf("%d gateways were killed, %d of them while they started", kills(t)+starting, starting)
		if code := g.Stop(); code != 0 {
			t.Errorf("SIGTERM at the end: exit code %d", code)
		}
		p.PluginsGone(orphanLimit)
		p.wantSoundFiles(t)
	})
}

func TestNothingIsLostOrDoneTwiceWhenAPluginIsKilled(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	eachStore(t, func(t *testing.T, p *place, choices *rand.Rand) {
		g := p.Serve(token)
		s := open(t, g)
		// A few times only: the pause before the next start doubles.
		pid := 0
		for range 4 {
			pid = g.PluginPID("stripe", pid)
			s.moreOrders(t)
			soon(choices, 50*time.Millisecond)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		p.wantEverythingOnce(t, s, g)
	})
}

func TestNothingIsLostOrDoneTwiceWhenRedisIsKilled(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	choices := seeded(t)
	p := newPlace(t, binaries, onRedis)
	p.trouble(choices)
	g := p.Serve(token)
	s := open(t, g)
	for range 4 {
		s.moreOrders(t)
		soon(choices, 100*time.Millisecond)
		p.redis.Kill()
		soon(choices, 500*time.Millisecond) // how long it is away
		p.redis.Restart()
	}
	p.wantEverythingOnce(t, s, g)
}
