package crash

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
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

// The example configs, one for each store.
const (
	onSQLite = "stripe.json"
	onRedis  = "stripe.redis.json"
)

// place is where a gateway runs, dies and comes back, always at the same
// address.
type place struct {
	*program.Site
	stripe *program.Double
	redis  *redistest.Server // nil with SQLite
}

// newPlace makes a place with one of the example configs, beside a Stripe of
// its own and, where the config wants it, a Redis that syncs every write.
func newPlace(t *testing.T, b *program.Binaries, example string) *place {
	p := &place{stripe: program.StartDouble(t, b)}
	if example == onRedis {
		p.redis = redistest.Start(t, redistest.Options{AppendFsync: "always"})
	}
	return p.furnish(t, b, example)
}

// beside makes a place for another gateway with the same Stripe and Redis.
func (p *place) beside(t *testing.T, b *program.Binaries) *place {
	return (&place{stripe: p.stripe, redis: p.redis}).furnish(t, b, onRedis)
}

func (p *place) furnish(t *testing.T, b *program.Binaries, example string) *place {
	p.Site = program.NewSite(t, b)
	p.Env["STRIPE_SECRET_KEY"], p.Env["STRIPE_WEBHOOK_SECRET"] = "sk_test_crash", webhookSecret
	hash := sha256.Sum256([]byte(token))
	edits := []program.Edit{
		{Old: `"secretKey": "{{env.STRIPE_SECRET_KEY}}",`, New: `"secretKey": "{{env.STRIPE_SECRET_KEY}}", "apiBase": "` + p.stripe.URL + `",`},
		{Old: `"pluginDirs": [`, New: fmt.Sprintf(
			`"auth": { "tokens": [{ "name": "shop", "hash": "sha256:%s", "scopes": ["*"] }] }, "pluginDirs": [`, hex.EncodeToString(hash[:]))},
	}
	if p.redis != nil {
		edits = append(edits, program.Edit{Old: `"redis://127.0.0.1:6379/0"`, New: `"` + p.redis.URL() + `"`})
	}
	p.WriteExample(example, edits...)
	p.Listen = program.StableAddress(t)
	return p
}

// trouble makes Stripe unreliable: a third of the requests is cut, before or
// after the effect, refused, answered by the page of a proxy, or slow.
func (p *place) trouble(choices *rand.Rand) {
	p.stripe.SetChance(stripedouble.Chance{
		CutBefore: 0.07, CutAfter: 0.08, HTML502: 0.03, HTML502After: 0.04, RateLimit: 0.03,
		Slow: 0.04, SlowAnswer: 0.04, DelayMillis: 300, Seed: choices.Uint64(),
	})
}

// eachStore runs a test on each of the example configs, at the same time.
func eachStore(t *testing.T, test func(t *testing.T, p *place, choices *rand.Rand)) {
	for _, example := range []string{onSQLite, onRedis} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			choices := seeded(t)
			p := newPlace(t, binaries, example)
			p.trouble(choices)
			test(t, p, choices)
		})
	}
}

// killSoon kills a gateway at a random instant, and waits until its plugins are
// gone with it.
func (p *place) killSoon(g *program.Gateway, choices *rand.Rand) {
	soon(choices, 300*time.Millisecond)
	g.Kill()
	p.PluginsGone(orphanLimit)
}

// soon waits until a random instant.
func soon(choices *rand.Rand, limit time.Duration) {
	time.Sleep(time.Duration(choices.Int64N(int64(limit)))) // the random instant
}
