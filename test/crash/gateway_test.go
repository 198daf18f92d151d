package crash

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

const (
	token         = "bf_crashTokenOfTheShop"
	webhookSecret = "whsec_crashSecretOfTheWebhook"
	// orphanLimit is how long a plugin may outlive its gateway.
	orphanLimit = 10 * time.Second
)

// place is where a gateway runs, dies and comes back.
type place struct {
	*program.Site
	stripe *program.Double
	redis  *redistest.Server // nil with SQLite
}

// newPlace makes a place with one of the example configs, beside a Stripe that
// cuts a fifth of the connections, half of them after the effect.
func newPlace(t *testing.T, example string, choices *rand.Rand) *place {
	p := &place{Site: program.NewSite(t, binaries), stripe: program.StartDouble(t, binaries)}
	p.stripe.SetChance(stripedouble.Chance{CutBefore: 0.1, CutAfter: 0.1, Seed: choices.Uint64()})
	p.Env["STRIPE_SECRET_KEY"], p.Env["STRIPE_WEBHOOK_SECRET"] = "sk_test_crash", webhookSecret
	hash := sha256.Sum256([]byte(token))
	edits := []program.Edit{
		{Old: `"secretKey": "{{env.STRIPE_SECRET_KEY}}",`, New: `"secretKey": "{{env.STRIPE_SECRET_KEY}}", "apiBase": "` + p.stripe.URL + `",`},
		{Old: `"pluginDirs": [`, New: fmt.Sprintf(
			`"auth": { "tokens": [{ "name": "shop", "hash": "sha256:%s", "scopes": ["*"] }] }, "pluginDirs": [`, hex.EncodeToString(hash[:]))},
	}
	if example == "stripe.redis.json" {
		p.redis = redistest.Start(t, redistest.Options{AppendFsync: "always"})
		edits = append(edits, program.Edit{Old: `"redis://127.0.0.1:6379/0"`, New: `"` + p.redis.URL() + `"`})
	}
	p.WriteExample(example, edits...)
	p.Listen = program.StableAddress(t)
	return p
}

// eachStore runs a test on each of the example configs, at the same time.
func eachStore(t *testing.T, test func(t *testing.T, p *place, choices *rand.Rand)) {
	for _, example := range []string{"stripe.json", "stripe.redis.json"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			choices := seeded(t)
			test(t, newPlace(t, example, choices), choices)
		})
	}
}

// killSoon kills a gateway at a random instant, and waits until its plugins are
// gone with it.
func (p *place) killSoon(g *program.Gateway, choices *rand.Rand) {
	time.Sleep(time.Duration(choices.Int64N(int64(300 * time.Millisecond))))
	g.Kill()
	p.PluginsGone(orphanLimit)
}

func TestNothingIsLostOrDoneTwiceWhenTheGatewayIsKilled(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, p *place, choices *rand.Rand) {
		g := p.Serve(token)
		s := open(t, g)
		for range kills(t) {
			p.killSoon(g, choices)
			if choices.IntN(4) == 0 { // while it starts, too
				p.killSoon(p.Launch(token), choices)
			}
			g = p.Serve(token)
		}
		p.wantEverythingOnce(t, s, g)
		if code := g.Stop(); code != 0 {
			t.Errorf("SIGTERM at the end: exit code %d", code)
		}
		p.PluginsGone(orphanLimit)
		p.wantSoundFiles(t)
	})
}

func TestNothingIsLostOrDoneTwiceWhenAPluginIsKilled(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, p *place, choices *rand.Rand) {
		g := p.Serve(token)
		s := open(t, g)
		// A few times only: the pause before the next start doubles.
		pid := 0
		for range 4 {
			pid = g.PluginPID("stripe", pid)
			s.moreOrders(t)
			time.Sleep(time.Duration(choices.Int64N(int64(50 * time.Millisecond)))) // the random instant
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		p.wantEverythingOnce(t, s, g)
	})
}

func TestNothingIsLostOrDoneTwiceWhenRedisIsKilled(t *testing.T) {
	t.Parallel()
	choices := seeded(t)
	p := newPlace(t, "stripe.redis.json", choices)
	g := p.Serve(token)
	s := open(t, g)
	for range 4 {
		s.moreOrders(t)
		time.Sleep(time.Duration(choices.Int64N(int64(100 * time.Millisecond)))) // the random instant
		p.redis.Kill()
		time.Sleep(time.Duration(choices.Int64N(int64(500 * time.Millisecond)))) // how long it is away
		p.redis.Restart()
	}
	p.wantEverythingOnce(t, s, g)
}
