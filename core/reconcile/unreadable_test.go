package reconcile_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/sdk"
)

// listUnreadable is the list of a vendor whose event "odd" cannot be read as long as
// readable is false.
func (h *harness) listUnreadable(readable *atomic.Bool) reconcile.List {
	return func(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error) {
		page, err := h.vendor.list(ctx, request)
		odd := func(e sdk.ListedEvent) bool { return e.ID == "odd" }
		if err != nil || readable.Load() || !slices.ContainsFunc(page.Events, odd) {
			return page, err
		}
		page.Events = slices.DeleteFunc(page.Events, odd)
		return page, &provider.UnreadableError{Err: &sdk.Error{Code: sdk.CodeUpstream, Message: "item 7 has no time"}}
	}
}

func TestAnItemThatCannotBeReadHoldsUpNoOtherEventAndIsNotPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		for i, id := range []string{"before", "odd", "after"} {
			h.vendor.makeAt(id, time.Now().Add(time.Duration(i-30)*time.Hour))
		}
		odd := time.Now().Add(-29 * time.Hour)
		var readable atomic.Bool
		hook := reconcile.Webhook{Every: time.Minute, List: h.listUnreadable(&readable)}
		g := h.gateway("a", hook)
		time.Sleep(10 * time.Second)
		if got := h.taken(); !slices.Equal(got, []string{"before", "after"}) {
			t.Errorf("taken in: %v", got)
		}
		s := g.state()
		if s.Pass.Status != reconcile.StatusFailed || s.Pass.Error == nil || !strings.Contains(s.Pass.Error.Message, "item 7 has no time") || s.Pass.Counts.Errors != 1 {
			t.Errorf("%s, %v", brief(s.Pass), s.Pass.Error)
		}
		if !s.Watermark.Before(odd) {
			t.Errorf("the watermark %v is past what was not read, %v", s.Watermark, odd)
		}
		time.Sleep(time.Hour)
		if n := h.log.count("could not be compared"); n != 1 {
			t.Errorf("%d lines in an hour of passes", n)
		}
		g.stop()
		readable.Store(true)
		g = h.gateway("b", hook)
		defer g.stop()
		time.Sleep(2 * time.Minute)
		if got := h.taken(); !slices.Equal(got, []string{"before", "after", "odd"}) {
			t.Errorf("taken in: %v", got)
		}
		if s := g.state(); s.Pass.Status != reconcile.StatusSucceeded || !s.Watermark.After(odd) {
			t.Errorf("%s, watermark %v", brief(s.Pass), s.Watermark)
		}
	})
}

// What cannot be read may be the very event that was received.
func TestNoEventIsCalledUnknownByAListThatCannotBeReadWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		var readable atomic.Bool
		g := h.gateway("a", reconcile.Webhook{Every: 10 * time.Minute, List: h.listUnreadable(&readable)})
		defer g.stop()
		time.Sleep(time.Minute)
		for _, id := range []string{"odd", "even"} {
			h.vendor.make(id)
			g.receive(id)
		}
		g.receive("forged")
		time.Sleep(30 * time.Minute)
		if p := g.ask(time.Hour, false); p.Status != reconcile.StatusFailed || p.Counts.Unknown != 0 {
			t.Error(brief(&p))
		}
		if n := h.log.count("unknown to its vendor"); n != 0 {
			t.Errorf("%d alarms", n)
		}
		readable.Store(true)
		time.Sleep(30 * time.Minute)
		if !slices.Contains(h.flags("forged"), reconcile.FlagUnknown) || len(h.flags("odd")) > 0 {
			t.Errorf("once all is read: forged %v, odd %v", h.flags("forged"), h.flags("odd"))
		}
	})
}

func TestAPassThatACrashEndsDoesNotPassOverWhatItCouldNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.vendor.makeAt("odd", time.Now().Add(-50*time.Hour))
		for i := range 20 {
			h.vendor.makeAt(ids("e", i, i+1)[0], time.Now().Add(time.Duration(i-40)*time.Hour))
		}
		hook := reconcile.Webhook{Every: time.Hour, Pace: time.Second, List: h.listUnreadable(new(atomic.Bool))}
		g := h.gateway("a", hook)
		time.Sleep(8 * time.Second)
		if p := g.state().Pass; p.Status != reconcile.StatusRunning || p.Error == nil {
			t.Fatalf("before the end: %s", brief(p))
		}
		g.stop()
		g = h.gateway("b", hook)
		defer g.stop()
		time.Sleep(time.Minute)
		if got := h.taken(); !slices.Equal(got, ids("e", 0, 20)) {
			t.Errorf("taken in: %v", got)
		}
		if s := g.state(); s.Pass.Status != reconcile.StatusFailed || !s.Watermark.Before(time.Now().Add(-50*time.Hour)) {
			t.Errorf("%s, watermark %v", brief(s.Pass), s.Watermark)
		}
	})
}
