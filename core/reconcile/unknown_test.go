package reconcile_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

func TestAnEventThatTheVendorDoesNotKnowIsAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		g := h.gateway("a", reconcile.Webhook{Every: 15 * time.Minute})
		defer g.stop()
		time.Sleep(time.Minute)
		for i := range 100 {
			id := fmt.Sprintf("real%03d", i)
			h.vendor.make(id)
			g.receive(id)
			if i%40 == 1 {
				g.receive(fmt.Sprintf("forged%03d", i))
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(30 * time.Minute)
		for _, id := range []string{"forged001", "forged041", "forged081"} {
			if !slices.Contains(h.flags(id), reconcile.FlagUnknown) {
				t.Errorf("%s bears no flag", id)
			}
		}
		if n := h.log.count("unknown to its vendor"); n != 3 {
			t.Errorf("%d warnings", n)
		}
		if got := testkit.Metrics(t, g)[`backflow_reconcile_unknown_total{webhook="shop"}`]; got != 3 {
			t.Errorf("the metric is %v", got)
		}
		var unknown []string
		for _, n := range h.notices() {
			var data struct {
				Unknown       int               `json:"unknown"`
				UnknownEvents []reconcile.Found `json:"unknownEvents"`
			}
			if err := json.Unmarshal(n.Data, &data); err != nil || n.Type != "events.missing" || n.Cause != "shop" || data.Unknown != len(data.UnknownEvents) {
				t.Errorf("notice %s, %v", n.Data, err)
			}
			for _, e := range data.UnknownEvents {
				unknown = append(unknown, e.ID)
			}
		}
		if !slices.Equal(unknown, []string{"forged001", "forged041", "forged081"}) {
			t.Errorf("notices of %v", unknown)
		}
		for i := range 100 {
			if flags := h.flags(fmt.Sprintf("real%03d", i)); len(flags) > 0 {
				t.Fatalf("a false alarm: event %d has %v", i, flags)
			}
		}
	})
}

func TestNoEventIsCalledUnknownThatMayBeKnown(t *testing.T) {
	for name, play := range map[string]func(t *testing.T, h *harness){
		"it came long after the vendor made it": func(t *testing.T, h *harness) {
			g := h.gateway("a", reconcile.Webhook{Every: 15 * time.Minute, Lookback: time.Hour})
			h.vendor.make("before")
			time.Sleep(20 * time.Minute)
			g.stop()
			for range 100 { // 10 hours
				h.vendor.make(fmt.Sprintf("e%d", len(h.vendor.events)))
				time.Sleep(6 * time.Minute)
			}
			g = h.gateway("b", reconcile.Webhook{Every: 15 * time.Minute, Lookback: time.Hour})
			defer g.stop()
			for i := range 101 { // the vendor tries again
				if i > 0 {
					g.receive(fmt.Sprintf("e%d", i))
				}
				time.Sleep(10 * time.Second)
			}
			time.Sleep(3 * time.Hour)
		},
		"a person had it sent again after weeks": func(t *testing.T, h *harness) {
			h.vendor.makeAt("weeks ago", time.Now().Add(-20*24*time.Hour))
			for i := range 500 {
				h.vendor.makeAt(fmt.Sprintf("e%d", i), time.Now().Add(-19*24*time.Hour+time.Duration(i)*50*time.Minute))
			}
			g := h.gateway("a", reconcile.Webhook{Every: 15 * time.Minute, Pace: time.Second / 1000})
			defer g.stop()
			time.Sleep(time.Hour)
			g.receive("weeks ago")
			time.Sleep(time.Hour)
		},
		"the list is known to be partial": func(t *testing.T, h *harness) {
			g := h.gateway("a", reconcile.Webhook{Every: 15 * time.Minute, Partial: true})
			defer g.stop()
			time.Sleep(time.Minute)
			g.receive("of another kind")
			time.Sleep(time.Hour)
		},
		"the list was not asked for it": func(t *testing.T, h *harness) {
			var types []string
			h.vendor.fault = func(_ int, request sdk.ListEventsRequest, _ *sdk.EventPage) error {
				types = request.Types
				return nil
			}
			g := h.gateway("a", reconcile.Webhook{Every: 15 * time.Minute, Types: []string{"invoice.*"}})
			defer g.stop()
			time.Sleep(time.Minute)
			filtered := event.Event{ID: "filtered", Type: "order.paid", Webhook: "shop", RunID: "run", ReceivedAt: time.Now().UTC(), Filtered: true}
			if err := h.store.Commit(t.Context(), filtered.Once(nil).Ops()...); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			h.vendor.with(func() {
				if !slices.Equal(types, []string{"invoice.*"}) {
					t.Errorf("the list was asked for %q", types)
				}
			})
		},
		"it is of another mode": func(t *testing.T, h *harness) {
			g := h.gateway("a", reconcile.Webhook{Every: 15 * time.Minute})
			defer g.stop()
			time.Sleep(time.Minute)
			g.receive("live", sdk.FlagLivemode)
			time.Sleep(time.Hour)
		},
		"the list is of another account": func(t *testing.T, h *harness) {
			g := h.gateway("a", reconcile.Webhook{Every: time.Hour})
			defer g.stop()
			time.Sleep(time.Minute)
			for i := range 50 {
				g.receive(fmt.Sprint(i))
				time.Sleep(time.Minute)
			}
			time.Sleep(3 * time.Hour)
			if h.log.count("another account or mode") == 0 {
				t.Error("no warning")
			}
		},
		"it was received before events were compared": func(t *testing.T, h *harness) {
			g := h.gateway("a", reconcile.Webhook{Name: "none"})
			h.vendor.make("first")
			g.receive("old")
			time.Sleep(time.Second)
			if err := g.Set(t.Context(), []reconcile.Webhook{{Name: "shop", List: h.vendor.list, Intake: g.intake, Every: time.Hour}}); err != nil {
				t.Fatal(err)
			}
			defer g.stop()
			time.Sleep(24 * time.Hour)
		},
		"the vendor forgets early, and could not be asked for days": func(t *testing.T, h *harness) {
			g := h.gateway("a", reconcile.Webhook{Every: time.Hour})
			defer g.stop()
			time.Sleep(time.Minute)
			h.vendor.with(func() {
				h.vendor.fault = func(int, sdk.ListEventsRequest, *sdk.EventPage) error { return unavailable() }
			})
			for i := range 60 {
				id := fmt.Sprintf("e%d", i)
				h.vendor.make(id)
				g.receive(id)
				time.Sleep(time.Hour)
			}
			h.vendor.with(func() {
				h.vendor.fault = nil
				h.vendor.events = h.vendor.events[40:] // it lists what is younger than 20 hours
			})
			time.Sleep(5 * time.Hour)
		},
		"it is listed a little late": func(t *testing.T, h *harness) {
			g := h.gateway("a", reconcile.Webhook{Every: 2 * time.Second})
			defer g.stop()
			time.Sleep(time.Minute)
			for i := range 100 {
				id := fmt.Sprintf("e%d", i)
				at := time.Now()
				g.receive(id)
				time.Sleep(5 * time.Second)
				h.vendor.makeAt(id, at)
			}
			time.Sleep(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				play(t, h)
				if n := h.log.count("unknown to its vendor"); n != 0 {
					t.Errorf("%d false alarms", n)
				}
				got := h.taken()
				slices.Sort(got)
				if len(slices.Compact(slices.Clone(got))) != len(got) {
					t.Errorf("an event has two runs: %v", got)
				}
			})
		})
	}
}

func TestAForgeryAmongManyEventsIsFoundWithoutMuchAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		g := h.gateway("a", reconcile.Webhook{Every: 15 * time.Minute, Lookback: time.Hour})
		defer g.stop()
		time.Sleep(time.Minute)
		for i := range 3000 { // more than a window remembers
			id := fmt.Sprintf("real%05d", i)
			h.vendor.make(id)
			g.receive(id)
			if i == 2000 {
				g.receive("forged")
			}
			time.Sleep(time.Second / 2)
		}
		time.Sleep(20 * time.Minute)
		if !slices.Contains(h.flags("forged"), reconcile.FlagUnknown) {
			t.Error("it bears no flag")
		}
		if n := h.log.count("unknown to its vendor"); n != 1 {
			t.Errorf("%d alarms", n)
		}
		if h.vendor.calls > 300 {
			t.Errorf("%d calls of the list", h.vendor.calls)
		}
	})
}
