package crash

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

const (
	callers = 50
	rounds  = 20
)

// round is what the callers of one round received. All have the same key.
type round struct {
	mu      sync.Mutex // guards what follows
	answers []program.Response
	refused map[int]int // how often each status came that may be repeated
	odd     []string
}

// call sends a request to the gateways in turn until it is answered.
func (r *round) call(request program.Request, gateways []*program.Gateway, first int) {
	request.Timeout = patience
	for attempt := first; ; attempt++ {
		answer, err := gateways[attempt%len(gateways)].Send(request)
		r.mu.Lock()
		switch {
		case err != nil: // no gateway listens, or it was killed during the request
		case answer.Status == http.StatusOK:
			r.answers = append(r.answers, answer)
		case mayBeRepeated(answer):
			r.refused[answer.Status]++
		default:
			r.odd = append(r.odd, fmt.Sprintf("answered %d %s", answer.Status, answer.Body))
		}
		over := len(r.odd) > 0 || err == nil && answer.Status == http.StatusOK
		r.mu.Unlock()
		if over {
			return
		}
		time.Sleep(50 * time.Millisecond) // a client's own backoff
	}
}

func TestOfFiftyCallersWithOneKeyOnTwoGatewaysOneActs(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	choices := seeded(t)
	p := newPair(t, binaries)
	gateways := p.both()
	stripe := p.harnesses[0].stripe
	stripe.SetChance(stripedouble.Chance{CutBefore: 0.1, CutAfter: 0.1, Slow: 0.2, SlowAnswer: 0.2, DelayMillis: 200, Seed: choices.Uint64()})
	refused := map[int]int{}
	for n := range rounds {
		key := fmt.Sprintf("round-%d", n)
		r := &round{refused: refused}
		var calling sync.WaitGroup
		for caller := range callers {
			calling.Go(func() { r.call(customerRequest(key), gateways, caller) })
		}
		// In turn: either gateway is killed, and comes back at once, so that its
		// successor has its keys, or only after the other one has taken them.
		soon(choices, 200*time.Millisecond)
		switch n % 5 {
		case 0:
			p.kill(choices.IntN(2), failover)
		case 4: // none is
		default:
			p.kill(choices.IntN(2), 0)
		}
		calling.Wait()
		r.wantOneAnswer(t, key)
		if effects := len(stripe.Effects()); effects != n+1 {
			t.Fatalf("%s: %d effects, want %d", key, effects, n+1)
		}
	}
	t.Logf("%d callers were answered, and refused by status: %v", callers*rounds, refused)
}

// wantOneAnswer wants all callers to have been told the same.
func (r *round) wantOneAnswer(t *testing.T, key string) {
	t.Helper()
	for _, odd := range r.odd {
		t.Errorf("%s: %s", key, odd)
	}
	if len(r.answers) != callers {
		t.Fatalf("%s: %d answers to %d callers", key, len(r.answers), callers)
	}
	for _, answer := range r.answers[1:] {
		if !bytes.Equal(answer.Body, r.answers[0].Body) {
			t.Errorf("%s: answered %s and %s", key, r.answers[0].Body, answer.Body)
		}
	}
}
