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
	eachStore(t, func(t *testing.T, h *harness, choices *rand.Rand) {
		g := h.Serve(token)
		c := open(t, g)
		starting := 0
		for range kills(t) {
			h.killSoon(g, choices)
			if choices.IntN(4) == 0 { // while it starts, too
				h.killSoon(h.Launch(token), choices)
				starting++
			}
			g = h.Serve(token)
		}
		h.wantEverythingOnce(t, c, g)
		t.Logf("%d gateways were killed, %d of them while they started", kills(t)+starting, starting)
		if code := g.Stop(); code != 0 {
			t.Errorf("SIGTERM at the end: exit code %d", code)
		}
		h.PluginsGone(orphanLimit)
		h.wantSoundFiles(t)
	})
}

func TestNothingIsLostOrDoneTwiceWhenAPluginIsKilled(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	eachStore(t, func(t *testing.T, h *harness, choices *rand.Rand) {
		g := h.Serve(token)
		c := open(t, g)
		// A few times only: the pause before the next start doubles.
		pid := 0
		for range 4 {
			pid = g.PluginPID("stripe", pid)
			c.moreOrders(t)
			soon(choices, 50*time.Millisecond)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		h.wantEverythingOnce(t, c, g)
	})
}

func TestNothingIsLostOrDoneTwiceWhenRedisIsKilled(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	choices := seeded(t)
	h := newHarness(t, binaries, onRedis)
	h.trouble(choices)
	g := h.Serve(token)
	c := open(t, g)
	for range 4 {
		c.moreOrders(t)
		soon(choices, 100*time.Millisecond)
		h.redis.Kill()
		soon(choices, 500*time.Millisecond) // how long it is away
		h.redis.Restart()
	}
	h.wantEverythingOnce(t, c, g)
}
