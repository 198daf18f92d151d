package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// lost makes events of an hour that is over, one every ten seconds, none of which arrived.
func (h *harness) lost() []string {
	all := ids("e", 0, 350)
	for i, id := range all {
		h.vendor.makeAt(id, time.Now().Add(-70*time.Minute+time.Duration(i)*10*time.Second))
	}
	return all
}

func TestAPassGetsOverWhatAListDoes(t *testing.T) {
	// The list of an hour has four pages. Each fault is one that passes.
	for name, fault := range map[string]func(call int, request sdk.ListEventsRequest, page *sdk.EventPage) error{
		"nothing": nil,
		"429, with a time to wait": func(call int, _ sdk.ListEventsRequest, _ *sdk.EventPage) error {
			if call%2 == 1 {
				return &sdk.Error{Code: sdk.CodeRateLimited, Message: "slow down", Retryable: true, RetryAfter: 90 * time.Second}
			}
			return nil
		},
		"500, several times": func(call int, _ sdk.ListEventsRequest, _ *sdk.EventPage) error {
			if call%5 != 0 {
				return unavailable()
			}
			return nil
		},
		"no response in time": func(call int, _ sdk.ListEventsRequest, _ *sdk.EventPage) error {
			if call == 2 || call == 5 {
				return context.DeadlineExceeded
			}
			return nil
		},
		"an error of its own": func(call int, _ sdk.ListEventsRequest, _ *sdk.EventPage) error {
			if call == 2 {
				return errors.New("connection reset")
			}
			return nil
		},
		"a page that is broken once": func(call int, _ sdk.ListEventsRequest, _ *sdk.EventPage) error {
			if call == 2 {
				return &sdk.Error{Code: sdk.CodeInternal, Message: "the plugin's list of events: its next page is the page itself"}
			}
			return nil
		},
		"each page twice": func(_ int, request sdk.ListEventsRequest, page *sdk.EventPage) error {
			page.Events = append(slices.Clone(page.Events), page.Events...)
			return nil
		},
		"a page that has the one before again": func(call int, request sdk.ListEventsRequest, page *sdk.EventPage) error {
			if request.Cursor == "" && page.NextCursor == "100" {
				page.NextCursor = "0"
			}
			return nil
		},
		"pages that overlap": func(_ int, _ sdk.ListEventsRequest, page *sdk.EventPage) error {
			if page.NextCursor != "" {
				page.NextCursor = map[string]string{"100": "37", "137": "99", "199": "150", "250": "201", "301": "299"}[page.NextCursor]
			}
			return nil
		},
		"a cursor that comes round once": func(call int, _ sdk.ListEventsRequest, page *sdk.EventPage) error {
			if call == 3 {
				page.NextCursor = "100"
			}
			return nil
		},
		"empty pages between": func(call int, request sdk.ListEventsRequest, page *sdk.EventPage) error {
			if call < 8 && call%2 == 0 {
				page.Events, page.NextCursor = nil, request.Cursor+" "
			}
			return nil
		},
		"events outside of what was asked for": func(_ int, request sdk.ListEventsRequest, page *sdk.EventPage) error {
			page.Events = append(slices.Clone(page.Events),
				sdk.ListedEvent{WebhookEvent: sdk.WebhookEvent{ID: "young"}, CreatedAt: request.Until},
				sdk.ListedEvent{WebhookEvent: sdk.WebhookEvent{ID: "old"}, CreatedAt: request.Since.Add(-time.Second)})
			return nil
		},
		"a panic": func(call int, _ sdk.ListEventsRequest, _ *sdk.EventPage) error {
			if call == 2 {
				panic("a list that breaks")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				h.vendor.fault = fault
				want := h.lost()
				g := h.gateway("a", reconcile.Webhook{Every: time.Hour, Lookback: 2 * time.Hour, Pace: time.Second / 1000})
				defer g.stop()
				time.Sleep(3*time.Hour - time.Minute)
				if diff := cmp.Diff(want, h.taken()); diff != "" {
					t.Errorf("taken (-want +got):\n%s", diff)
				}
				if p := g.state().Pass; p.Status != reconcile.StatusSucceeded {
					t.Error(brief(p))
				}
			})
		})
	}
}

func TestAnOutageOfTheListIsOneLineAndACount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		want := h.lost()
		down := true
		h.vendor.fault = func(int, sdk.ListEventsRequest, *sdk.EventPage) error {
			if down {
				return unavailable()
			}
			return nil
		}
		g := h.gateway("a", reconcile.Webhook{Every: 15 * time.Minute, Pace: time.Second / 1000})
		defer g.stop()
		time.Sleep(14 * time.Minute)
		p := g.state().Pass
		if p.Status != reconcile.StatusFailed || p.Error == nil || p.Error.Code != sdk.CodeUpstream || p.Counts.Errors == 0 || p.FinishedAt.IsZero() {
			t.Error(brief(p))
		}
		if n := h.log.count("could not be compared"); n != 1 {
			t.Errorf("%d lines", n)
		}
		testkit.WantMetrics(t, g, map[string]float64{
			`backflow_reconcile_passes_total{status="failed",webhook="shop"}`:    1,
			`backflow_reconcile_passes_total{status="succeeded",webhook="shop"}`: 0,
			`backflow_reconcile_list_errors_total{webhook="shop"}`:               float64(p.Counts.Errors),
			`backflow_reconcile_success_age_seconds{webhook="shop"}`:             (14 * time.Minute).Seconds(),
			`backflow_reconcile_missing_total{result="taken",webhook="shop"}`:    0,
			`backflow_reconcile_missing_total{result="refused",webhook="shop"}`:  0,
			`backflow_reconcile_unknown_total{webhook="shop"}`:                   0,
		})
		h.vendor.with(func() { down = false })
		time.Sleep(15 * time.Minute)
		if diff := cmp.Diff(want, h.taken()); diff != "" {
			t.Errorf("taken (-want +got):\n%s", diff)
		}
		if n := h.log.count("compared with its vendor's list again"); n != 1 {
			t.Errorf("%d lines of the end", n)
		}
		testkit.WantMetrics(t, g, map[string]float64{
			`backflow_reconcile_passes_total{status="failed",webhook="shop"}`:    1,
			`backflow_reconcile_passes_total{status="succeeded",webhook="shop"}`: 1,
			`backflow_reconcile_list_errors_total{webhook="shop"}`:               float64(p.Counts.Errors),
			`backflow_reconcile_success_age_seconds{webhook="shop"}`:             time.Since(g.state().Succeeded).Seconds(),
			`backflow_reconcile_missing_total{result="taken",webhook="shop"}`:    350,
			`backflow_reconcile_missing_total{result="refused",webhook="shop"}`:  0,
			`backflow_reconcile_unknown_total{webhook="shop"}`:                   0,
		})
	})
}

func TestAVendorThatAsksForALongTimeIsLeftAloneForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.lost()
		var asked []time.Time
		h.vendor.fault = func(int, sdk.ListEventsRequest, *sdk.EventPage) error {
			asked = append(asked, time.Now())
			return &sdk.Error{Code: sdk.CodeRateLimited, Message: "slow down", Retryable: true, RetryAfter: 5 * time.Hour}
		}
		g := h.gateway("a", reconcile.Webhook{Every: time.Hour})
		defer g.stop()
		time.Sleep(11 * time.Hour)
		synctest.Wait()
		if len(asked) != 3 || asked[1].Sub(asked[0]) < 5*time.Hour || asked[2].Sub(asked[1]) < 5*time.Hour {
			t.Errorf("asked at %v", asked)
		}
	})
}

func TestAListThatRefusesIsNotAskedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.vendor.fault = func(int, sdk.ListEventsRequest, *sdk.EventPage) error {
			return &sdk.Error{Code: sdk.CodeCredentials, Message: "Invalid API Key"}
		}
		g := h.gateway("a", reconcile.Webhook{Every: time.Hour})
		defer g.stop()
		time.Sleep(time.Minute)
		if p := g.state().Pass; h.vendor.calls != 1 || p.Error == nil || p.Error.Code != sdk.CodeCredentials {
			t.Errorf("%d calls, %s", h.vendor.calls, brief(p))
		}
	})
}

func TestAListWithoutAnEndFailsThePassAndTakesNoMemory(t *testing.T) {
	for name, page := range map[string]func(call int, request sdk.ListEventsRequest, page *sdk.EventPage){
		"a circle of cursors": func(call int, _ sdk.ListEventsRequest, page *sdk.EventPage) {
			page.NextCursor = fmt.Sprint(call % 3)
		},
		"the same page for ever": func(call int, _ sdk.ListEventsRequest, page *sdk.EventPage) {
			page.NextCursor = fmt.Sprintf("%050d", call)
		},
		"older events for ever": func(call int, request sdk.ListEventsRequest, page *sdk.EventPage) {
			page.Events = []sdk.ListedEvent{{WebhookEvent: sdk.WebhookEvent{ID: fmt.Sprint(call), Type: "t"}, CreatedAt: request.Since.Add(-time.Hour)}}
			page.NextCursor = fmt.Sprintf("%050d", call)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				h.vendor.fault = func(call int, request sdk.ListEventsRequest, p *sdk.EventPage) error {
					page(call, request, p)
					return nil
				}
				g := h.gateway("a", reconcile.Webhook{Every: time.Hour, Lookback: 2 * time.Hour})
				defer g.stop()
				time.Sleep(time.Minute)
				p := g.state().Pass
				if p.Status != reconcile.StatusFailed || p.Error == nil || p.Error.Code != sdk.CodeUpstream {
					t.Error(brief(p))
				}
				if !g.state().Watermark.IsZero() {
					t.Error("the watermark has moved")
				}
			})
		})
	}
}

// What a pass names of an event that cannot be kept takes no more room than one that can.
func TestWordsOfAnyLengthMakeNoRecordOrLineOfTheirLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.vendor.makeAt("good", time.Now().Add(-time.Hour))
		h.vendor.makeAt(strings.Repeat("i", 1<<20), time.Now().Add(-time.Hour))
		h.vendor.makeAt("type", time.Now().Add(-time.Hour))
		h.vendor.with(func() { h.vendor.events[2].Type = strings.Repeat("t", 1<<20) })
		g := h.gateway("a", reconcile.Webhook{})
		defer g.stop()
		for _, dryRun := range []bool{true, false} {
			p := g.ask(2*time.Hour, dryRun)
			if p.Status != reconcile.StatusSucceeded || len(p.Events) != 3 {
				t.Errorf("dryRun %t: %s", dryRun, brief(&p))
			}
			for _, e := range p.Events {
				if len(e.ID) > 600 || len(e.Type) > 600 {
					t.Errorf("dryRun %t: an id of %d bytes, a type of %d", dryRun, len(e.ID), len(e.Type))
				}
			}
		}
		if got := h.taken(); !slices.Equal(got, []string{"good"}) {
			t.Errorf("taken in: %v", got)
		}
		if n, size := h.log.count("cannot be kept"), h.log.text.Len(); n != 2 || size > 10_000 {
			t.Errorf("%d lines of %d bytes", n, size)
		}
	})
}
