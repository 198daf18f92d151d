package crash

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// How many events are sent in the middle of a failure, and by how many senders.
const (
	events  = 500
	senders = 16
)

// TestEachEventIsProcessedOnceWhateverIsKilledMeanwhile: each event is sent once while
// something is killed. What was received is processed once; what was not is taken in
// when its sender sends it again.
func TestEachEventIsProcessedOnceWhateverIsKilledMeanwhile(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	for name, c := range map[string]struct {
		example string
		kill    func(h *harness, g *program.Gateway, choices *rand.Rand) *program.Gateway
	}{
		"the gateway with its SQLite": {onSQLite, (*harness).restartGateway},
		"the gateway on Redis":        {onRedis, (*harness).restartGateway},
		"Redis":                       {onRedis, (*harness).restartRedis},
		"the plugin that verifies":    {onSQLite, killing("stripe")},
		"the plugin that inserts":     {onSQLite, killing("database")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			choices := seeded(t)
			h := newHarness(t, binaries, c.example)
			g := h.Serve(token)
			kill := func(g *program.Gateway) *program.Gateway { return c.kill(h, g, choices) }
			h.sendDuring(t, g, kill)
		})
	}
}

func (h *harness) restartGateway(g *program.Gateway, _ *rand.Rand) *program.Gateway {
	g.Kill()
	h.PluginsGone(orphanLimit)
	return h.Serve(token)
}

func (h *harness) restartRedis(g *program.Gateway, choices *rand.Rand) *program.Gateway {
	h.redis.Kill()
	soon(choices, 500*time.Millisecond) // how long it is away
	h.redis.Restart()
	return g
}

// killing kills a plugin.
func killing(plugin string) func(*harness, *program.Gateway, *rand.Rand) *program.Gateway {
	return func(_ *harness, g *program.Gateway, _ *rand.Rand) *program.Gateway {
		// One that has ended meanwhile is as good as killed.
		_ = syscall.Kill(g.PluginPID(plugin, 0), syscall.SIGKILL)
		return g
	}
}

// sendDuring sends the events, has something killed when a part of them was sent, sends
// again what was not received, and holds the rows against the events.
func (h *harness) sendDuring(t *testing.T, g *program.Gateway, kill func(*program.Gateway) *program.Gateway) {
	t.Helper()
	var sent atomic.Int64
	var mu sync.Mutex // guards again
	var again []string
	var work sync.WaitGroup
	ids := make(chan string)
	for range senders {
		work.Go(func() {
			for id := range ids {
				response, err := g.Send(eventDelivery(id))
				sent.Add(1)
				if err == nil && response.Status == http.StatusOK {
					continue
				}
				mu.Lock()
				again = append(again, id)
				mu.Unlock()
				if err == nil && !mayBeRepeated(response) {
					t.Errorf("%s: its sender is not asked to send it again: %d %s", id, response.Status, response.Body)
				}
			}
		})
	}
	work.Go(func() {
		defer close(ids)
		for i := range events {
			ids <- fmt.Sprintf("evt_%d", i)
		}
	})
	testkit.Eventually(t, time.Minute, "a third of the events is sent", func() bool { return sent.Load() > events/3 })
	after := kill(g)
	work.Wait()
	t.Logf("%d of %d events were not received at first", len(again), events)
	c := &clients{gateways: []*program.Gateway{after}}
	for _, id := range again {
		c.insist(0, id, http.StatusOK, func() program.Request { return eventDelivery(id) })
	}
	for _, odd := range c.odd {
		t.Error(odd)
	}
	all := make([]string, events)
	for i := range all {
		all[i] = fmt.Sprintf("evt_%d", i)
	}
	h.wantRows(t, all)
	for _, id := range all {
		if repeat := program.Want(t, http.StatusOK, after.In(t).Do(eventDelivery(id))); repeat.Field("duplicate") != true {
			t.Errorf("%s is not known: %s", id, repeat.Body)
		}
	}
	h.wantRows(t, all)
	if failed := program.Want(t, http.StatusOK, after.In(t).Get("/events?status=failed")); len(failed.Field("data").([]any)) > 0 {
		t.Errorf("events failed: %s", failed.Body)
	}
}

func eventDelivery(id string) program.Request {
	return program.StripeDelivery(program.StripeEvent(id, "payment_intent.succeeded", 2000), webhookSecret, time.Now())
}
