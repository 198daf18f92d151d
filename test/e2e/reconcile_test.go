package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// receiving is gateways that receive a vendor's events.
type receiving struct {
	t        *testing.T
	vendor   *vendor
	sites    []*harness
	gateways []*program.Gateway
}

// receive makes gateways over one store: more than one needs Redis.
func receive(t *testing.T, gateways int, onRedis bool, keys string) *receiving {
	r := &receiving{t: t, vendor: newVendor(t)}
	state := "sqlite://data/state.db"
	if onRedis {
		state = redistest.Start(t, redistest.Options{AppendFsync: "always"}).URL()
	}
	for range gateways {
		h := &harness{Site: program.NewSite(t, binaries)}
		h.Listen = program.StableAddress(t)
		r.sites = append(r.sites, h)
		// One for all: a run that its gateway left behind goes on at another one.
		dir := filepath.Join(r.sites[0].Dir, "configs", "data")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		database := "sqlite://" + filepath.Join(dir, "app.db")
		h.WriteConfig("backflow.json", r.vendor.config(state, database, h.Plugins, keys))
	}
	r.start()
	return r
}

func (r *receiving) start() {
	r.gateways = nil
	for _, h := range r.sites {
		r.gateways = append(r.gateways, h.Launch(apiToken))
	}
	for _, g := range r.gateways {
		g.Ready()
	}
}

func (r *receiving) kill() {
	for i, g := range r.gateways {
		g.Kill()
		r.sites[i].PluginsGone(time.Minute)
	}
}

// rows returns the ids of all rows, sorted.
func (r *receiving) rows() (ids []string) {
	for _, p := range r.sites[0].payments(r.t) {
		ids = append(ids, p.stripeID)
	}
	slices.Sort(ids)
	return ids
}

// unknown returns the ids of the events that are flagged.
func (r *receiving) unknown() (ids []string) {
	list := program.Want(r.t, http.StatusOK, r.gateways[0].Get("/events?flag=unknown_to_vendor"))
	for i := 0; list.Field(fmt.Sprintf("data.%d", i)) != nil; i++ {
		ids = append(ids, list.Text(fmt.Sprintf("data.%d.id", i)))
	}
	return ids
}

// storm sends n events in the vendor's time, in which a minute has n/100 of them: a
// twentieth is never sent, the gateways are dead for three minutes, and for one the
// vendor signs with another key. It returns all ids.
func (r *receiving) storm(n int, restart func()) (all []string) {
	choices := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- a test
	minute := n / 100
	send := func(events []vendorEvent, key []byte) {
		work := make(chan vendorEvent)
		var wg sync.WaitGroup
		for i := range 16 {
			url := "http://" + r.sites[i%len(r.sites)].Listen
			wg.Go(func() {
				for e := range work {
					r.vendor.send(url, e, key)
				}
			})
		}
		for _, e := range events {
			work <- e
		}
		close(work)
		wg.Wait()
	}
	phase := func(minutes int, key []byte) {
		var events []vendorEvent
		for range minutes * minute {
			id := fmt.Sprintf("evt_%06d", len(all))
			all = append(all, id)
			if e := r.vendor.make(id); choices.IntN(20) > 0 {
				events = append(events, e)
			}
		}
		send(events, key)
	}
	phase(40, vendorKey)
	r.kill()
	phase(3, vendorKey)
	restart()
	phase(30, vendorKey)
	phase(1, wrongKey)
	phase(n/minute-74, vendorKey)
	return all
}

// settle waits until each event has a row, and makes sure that none has two.
func (r *receiving) settle(all []string, limit time.Duration) {
	r.t.Helper()
	var rows []string
	testkit.Eventually(r.t, limit, "each event has a row", func() bool {
		rows = r.rows()
		return len(rows) >= len(all)
	})
	if !slices.Equal(rows, all) {
		r.t.Errorf("%d rows of %d events, %d of them once", len(rows), len(all), len(slices.Compact(slices.Clone(rows))))
	}
}

func TestEventsThatNeverArrivedAreFoundWhateverHappened(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"SQLite", "Redis"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			r := receive(t, 1, store == "Redis", `, "reconcile": { "every": "2s", "rate": "500/s", `+listOf+` }`)
			r.vendor.unruly = 9
			all := r.storm(300, r.start)
			r.settle(all, time.Minute)
		})
	}
}

func TestOfTenThousandEventsEachIsARowWhateverHappened(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	r := receive(t, 2, true, `, "reconcile": { "every": "5s", "rate": "500/s", `+listOf+` }`)
	r.vendor.unruly = 50
	all := r.storm(10_000, r.start)
	r.settle(all, 5*time.Minute)
	r.vendor.mu.Lock()
	failures := r.vendor.failures
	r.vendor.unruly = 0
	r.vendor.mu.Unlock()
	forged := vendorEvent{ID: "evt_forged", Type: "order.paid", Created: time.Now(), Amount: 1}
	if status := r.vendor.send(r.gateways[0].URL, forged, vendorKey); status != http.StatusOK {
		t.Fatalf("the forged event: %d", status)
	}
	testkit.Eventually(t, 4*time.Minute, "the forged event is known to be none of the vendor's", func() bool {
		return slices.Equal(r.unknown(), []string{"evt_forged"})
	})
	if failures == 0 {
		t.Error("the list has never failed")
	}
	if rows := r.rows(); len(rows) != len(all)+1 {
		t.Errorf("%d rows in the end", len(rows))
	}
}

func TestAnEventThatTheVendorDoesNotKnowIsFlagged(t *testing.T) {
	t.Parallel()
	r := receive(t, 1, false, `, "reconcile": { "every": "1h", `+listOf+` }`)
	g := r.gateways[0]
	known := r.vendor.make("evt_known")
	for _, e := range []vendorEvent{known, {ID: "evt_forged", Type: "order.paid", Created: time.Now(), Amount: 1}} {
		if status := r.vendor.send(g.URL, e, vendorKey); status != http.StatusOK {
			t.Fatalf("%s: %d", e.ID, status)
		}
	}
	r.vendor.make("evt_lost")
	pass := program.Want(t, http.StatusOK, g.Post("/webhooks/shop/reconcile?wait=60s", `{"since":"1h","dryRun":true}`))
	if pass.Text("status") != "succeeded" || pass.Text("events.0.id") != "evt_lost" || pass.Text("unknownEvents.0.id") != "evt_forged" || fmt.Sprint(pass.Field("taken")) != "0" {
		t.Errorf("the dry run: %s", pass.Body)
	}
	if flagged := r.unknown(); len(flagged) != 0 {
		t.Errorf("a dry run has flagged %v", flagged)
	}
	h := r.sites[0]
	h.Env["BACKFLOW_URL"], h.Env["BACKFLOW_TOKEN"] = g.URL, apiToken
	code, out, errs := h.Run("events", "reconcile", "shop", "--since", "1h")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := program.Response{Body: []byte(lines[len(lines)-1])}
	if counts := fmt.Sprintf("%v %v %v", last.Field("missing"), last.Field("taken"), last.Field("unknown")); code != 0 || counts != "1 1 1" || last.Text("status") != "succeeded" {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if code, out, errs = h.Run("events", "reconcile", "shop", "--since", "1h", "-o", "table"); code != 0 || !strings.Contains(out, "shop: succeeded: 2 listed, 0 missing, 0 taken in") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	for _, wrong := range [][]string{{"none"}, {"shop", "--since", "40d"}} {
		if code, out, errs = h.Run(append([]string{"events", "reconcile"}, wrong...)...); code != 1 || out != "" || errs == "" {
			t.Errorf("%v: exit code %d: %s%s", wrong, code, out, errs)
		}
	}
	r.vendor.mu.Lock()
	r.vendor.broken = true
	r.vendor.mu.Unlock()
	if code, out, errs = h.Run("events", "reconcile", "shop", "--since", "1h", "-o", "table"); code != 1 || !strings.Contains(errs, "403") {
		t.Errorf("a list that refuses: exit code %d: %s%s", code, out, errs)
	}
	if flagged := r.unknown(); !slices.Equal(flagged, []string{"evt_forged"}) {
		t.Errorf("flagged are %v", flagged)
	}
	r.settle([]string{"evt_forged", "evt_known", "evt_lost"}, 30*time.Second)
}

// TestWhatTheSandboxSentNowhereIsFound: payments are made while there is no webhook; once
// there is one, its events are taken in from Stripe's list.
func TestWhatTheSandboxSentNowhereIsFound(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	config := func(webhooks string) {
		h.WriteConfig("backflow.json", fmt.Sprintf(`{
  "credentials": { "stripe": { "secretKey": "{{env.STRIPE_SECRET_KEY}}", "webhookSecret": "{{env.STRIPE_WEBHOOK_SECRET}}" }, "database": { "migrations": "migrations" } },
  "pluginDirs": [%q],
  "webhooks": [%s]
}`, h.Plugins, webhooks))
	}
	config("")
	g := h.Dev()
	var paid []string
	for range 3 {
		intent := program.Want(t, http.StatusOK, g.Post("/integrations/stripe/payment-intents",
			`{"amount":2000,"currency":"usd","payment_method":"pm_card_visa","confirm":true,"return_url":"http://127.0.0.1/back"}`))
		if intent.Text("status") != "succeeded" {
			t.Fatalf("the payment: %s", intent.Body)
		}
		paid = append(paid, intent.Text("id"))
	}
	slices.Sort(paid)
	config(`{ "name": "stripe-events", "path": "/webhooks/stripe", "provider": "stripe", "reconcile": { "every": "2s" },
    "actions": [{ "condition": "{{payload.type}} === 'payment_intent.succeeded'", "type": "database", "action": "insert", "params": {
      "table": "payments", "data": { "stripe_id": "{{payload.data.object.id}}", "amount": "{{payload.data.object.amount}}" } } }] }`)
	var rows []string
	testkit.Eventually(t, time.Minute, "each payment has a row", func() bool {
		rows = nil
		for _, p := range h.payments(t) {
			rows = append(rows, p.stripeID)
		}
		slices.Sort(rows)
		return len(rows) >= len(paid)
	})
	if !slices.Equal(rows, paid) {
		t.Errorf("the rows are %v, the payments %v", rows, paid)
	}
	if list := program.Want(t, http.StatusOK, g.Get("/events?source=reconciled&type=payment_intent.succeeded")); list.Field("data.2") == nil || list.Field("data.3") != nil {
		t.Errorf("%s", list.Body)
	}
}
