package reconcile_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
)

func TestOneGatewayAtATimeWorksOnAWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		var at atomic.Int32
		list := func(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error) {
			if at.Add(1) > 1 {
				t.Error("two gateways list at once")
			}
			defer at.Add(-1)
			time.Sleep(time.Second)
			return h.vendor.list(ctx, request)
		}
		hook := reconcile.Webhook{Every: time.Minute, Pace: time.Second / 5, List: list}
		var gateways []*gateway
		for _, node := range []string{"a", "b", "c"} {
			g := h.gateway(node, hook)
			defer g.stop()
			gateways = append(gateways, g)
		}
		var want []string
		for _, id := range ids("e", 0, 200) {
			h.vendor.make(id)
			want = append(want, id)
			time.Sleep(7 * time.Second)
		}
		time.Sleep(10 * time.Minute)
		if diff := cmp.Diff(want, h.taken()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, g := range gateways {
			if s := g.state(); s.Pass.Status != reconcile.StatusSucceeded {
				t.Error(brief(s.Pass))
			}
		}
	})
}

// mortal is a store of a process that may die: then none of its commits is made.
type mortal struct {
	state.Store
	left atomic.Int64 // commits until it dies; negative: it lives
}

func (m *mortal) Commit(ctx context.Context, ops ...state.Op) error {
	switch left := m.left.Load(); {
	case left == 0:
		return state.ErrUnavailable
	case left > 0:
		m.left.Add(-1)
	}
	return m.Store.Commit(ctx, ops...)
}

func TestAfterACrashAnotherGatewayGoesOnFromTheWatermark(t *testing.T) {
	for _, commits := range []int64{0, 1, 2, 5, 30, 61, 120, 185, 200, 216} {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			want := ids("e", 0, 200)
			for i, id := range want {
				h.vendor.makeAt(id, time.Now().Add(-20*time.Hour+time.Duration(i)*5*time.Minute))
			}
			hook := reconcile.Webhook{Every: 24 * time.Hour, Pace: time.Second / 10}
			dying := &mortal{Store: h.store}
			dying.left.Store(-1)
			a := h.gatewayOver(dying, "a", hook, nil)
			dying.left.Store(commits) // its heart included
			time.Sleep(3 * time.Second)
			b := h.gateway("b", hook)
			time.Sleep(2 * time.Minute)
			if diff := cmp.Diff(want, h.taken()); diff != "" {
				t.Errorf("after %d commits (-want +got):\n%s", commits, diff)
			}
			if p := b.state().Pass; p == nil || p.Status != reconcile.StatusSucceeded || p.Counts.Errors != 0 {
				t.Errorf("after %d commits: %s", commits, brief(p))
			}
			b.stop()
			a.Stop()
			_ = a.lease.Release(context.Background()) // it is dead
		})
	}
}

func TestAPassGoesOnFromItsLastWindowAndNotFromItsBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		for i, id := range ids("e", 0, 100) {
			h.vendor.makeAt(id, time.Now().Add(-70*time.Hour+time.Duration(i)*30*time.Minute))
		}
		hook := reconcile.Webhook{Every: 24 * time.Hour, Pace: time.Second / 1}
		a := h.gateway("a", hook)
		time.Sleep(80 * time.Second)
		through := a.state().Pass.Through
		a.stop()
		taken := len(h.taken())
		var asked []time.Time
		h.vendor.fault = func(_ int, request sdk.ListEventsRequest, _ *sdk.EventPage) error {
			asked = append(asked, request.Since)
			return nil
		}
		b := h.gateway("b", hook)
		defer b.stop()
		time.Sleep(time.Minute)
		if got := h.taken(); !slices.Equal(got, ids("e", 0, 100)) || taken < 70 || taken > 90 {
			t.Errorf("%d events, %d of them before", len(got), taken)
		}
		if len(asked) == 0 || !asked[0].Equal(through) {
			t.Errorf("asked from %v on, want %v", asked, through)
		}
		if c := b.state().Pass.Counts; c.Taken != 100 || c.Missing != 100 {
			t.Errorf("%+v", c)
		}
	})
}

func TestAStopWaitsForNoVendor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.lost()
		h.vendor.fault = func(int, sdk.ListEventsRequest, *sdk.EventPage) error {
			return &sdk.Error{Code: sdk.CodeRateLimited, Retryable: true, RetryAfter: 10 * time.Minute}
		}
		g := h.gateway("a", reconcile.Webhook{Every: time.Hour})
		time.Sleep(time.Minute)
		begin := time.Now()
		g.stop()
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %v", took)
		}
		h.vendor.fault = nil
		g = h.gateway("b", reconcile.Webhook{Every: time.Hour})
		defer g.stop()
		time.Sleep(time.Minute)
		if len(h.taken()) != 350 {
			t.Errorf("%d events", len(h.taken()))
		}
	})
}

func TestAReloadGoesOnWithThePassUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		want := h.lost()
		g := h.gateway("a", reconcile.Webhook{Every: time.Hour, Pace: time.Second / 1})
		defer g.stop()
		time.Sleep(20 * time.Second)
		g.hook.Pace = time.Second / 100
		if err := g.Set(t.Context(), []reconcile.Webhook{g.hook}); err != nil {
			t.Fatal(err)
		}
		id := g.state().Pass.ID
		time.Sleep(10 * time.Second)
		if diff := cmp.Diff(want, h.taken()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if p := g.state().Pass; p.ID != id || p.Counts.Taken != 350 {
			t.Error(brief(p))
		}
		before := h.vendor.calls
		for range 5 { // none begins another pass
			if err := g.Set(t.Context(), []reconcile.Webhook{g.hook}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if h.vendor.calls != before {
			t.Error("a reload has begun a pass")
		}
		if err := g.Set(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		if h.vendor.calls != before {
			t.Error("a webhook that the config has no more is compared")
		}
	})
}

func TestAStoreThatIsDownForAWhileLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		want := h.lost()
		store := &mortal{Store: h.store}
		store.left.Store(-1)
		g := h.gatewayOver(store, "a", reconcile.Webhook{Every: time.Hour, Pace: time.Second / 10}, nil)
		defer g.stop()
		time.Sleep(15 * time.Second)
		store.left.Store(0)
		time.Sleep(20 * time.Second)
		store.left.Store(-1)
		time.Sleep(time.Minute)
		if diff := cmp.Diff(want, h.taken()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if p := g.state().Pass; p.Status != reconcile.StatusSucceeded || p.Counts.Taken != 350 {
			t.Error(brief(p))
		}
	})
}

func TestRunsThatCannotBeStartedNowAreStartedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		want := h.lost()
		tries := 0
		h.fail = func(string) error {
			if tries++; tries%3 != 0 {
				return webhook.ErrUnavailable
			}
			return nil
		}
		g := h.gateway("a", reconcile.Webhook{Every: time.Hour, Pace: time.Second / 1000})
		defer g.stop()
		time.Sleep(30 * time.Minute)
		if diff := cmp.Diff(want, h.taken()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
