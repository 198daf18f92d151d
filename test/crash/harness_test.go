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

// harness is a site on which a gateway runs, is killed and starts again, always
// at the same address.
type harness struct {
	*program.Site
	stripe *program.Double
	redis  *redistest.Server // nil with SQLite
}

// newHarness makes a harness with one of the example configs, beside a Stripe of
// its own and, where the config wants it, a Redis that syncs every write.
func newHarness(t *testing.T, b *program.Binaries, example string) *harness {
	h := &harness{stripe: program.StartDouble(t, b)}
	if example == onRedis {
		h.redis = redistest.Start(t, redistest.Options{AppendFsync: "always"})
	}
	return h.furnish(t, b, example)
}

// beside makes a harness for another gateway with the same Stripe and Redis.
func (h *harness) beside(t *testing.T, b *program.Binaries) *harness {
	return (&harness{stripe: h.stripe, redis: h.redis}).furnish(t, b, onRedis)
}

func (h *harness) furnish(t *testing.T, b *program.Binaries, example string) *harness {
	h.Site = program.NewSite(t, b)
	h.Env["STRIPE_SECRET_KEY"], h.Env["STRIPE_WEBHOOK_SECRET"] = "sk_test_crash", webhookSecret
	edits := []program.Edit{
		{Old: `"secretKey": "{{env.STRIPE_SECRET_KEY}}",`, New: `"secretKey": "{{env.STRIPE_SECRET_KEY}}", "apiBase": "` + h.stripe.URL + `",`},
		{Old: `"pluginDirs": [`, New: letIn() + ` "pluginDirs": [`},
	}
	if h.redis != nil {
		edits = append(edits, program.Edit{Old: `"redis://127.0.0.1:6379/0"`, New: `"` + h.redis.URL() + `"`})
	}
	h.WriteExample(example, edits...)
	h.Listen = program.StableAddress(t)
	return h
}

// letIn is the part of a config that lets in who has the token.
func letIn() string {
	hash := sha256.Sum256([]byte(token))
	return fmt.Sprintf(`"auth": { "tokens": [{ "name": "shop", "hash": "sha256:%s", "scopes": ["*"] }] },`, hex.EncodeToString(hash[:]))
}

// trouble makes Stripe unreliable: a third of the requests is cut, before or
// after the effect, refused, answered by the page of a proxy, or slow.
func (h *harness) trouble(choices *rand.Rand) {
	h.stripe.SetChance(stripedouble.Chance{
		CutBefore: 0.07, CutAfter: 0.08, HTML502: 0.03, HTML502After: 0.04, RateLimit: 0.03,
		Slow: 0.04, SlowAnswer: 0.04, DelayMillis: 300, Seed: choices.Uint64(),
	})
}

// eachStore runs a test on each of the example configs, at the same time.
func eachStore(t *testing.T, test func(t *testing.T, h *harness, choices *rand.Rand)) {
	for _, example := range []string{onSQLite, onRedis} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			choices := seeded(t)
			h := newHarness(t, binaries, example)
			h.trouble(choices)
			test(t, h, choices)
		})
	}
}

// killSoon kills a gateway at a random instant, and waits until its plugins are
// gone with it.
func (h *harness) killSoon(g *program.Gateway, choices *rand.Rand) {
	soon(choices, 300*time.Millisecond)
	g.Kill()
	h.PluginsGone(orphanLimit)
}

// soon waits until a random instant.
func soon(choices *rand.Rand, limit time.Duration) {
	time.Sleep(time.Duration(choices.Int64N(int64(limit)))) // the random instant
}
