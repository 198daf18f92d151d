package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// https://docs.stripe.com/billing/testing/test-clocks/api-advanced-usage.
func TestATestClockMovesWhatBelongsToIt(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-01-31T00:00:00Z", "pm_card_visa")
	id := b.subscribe("items[0][price]=price_456").text("id")
	path := "/v1/test_helpers/test_clocks/" + b.clock
	b.refused(400, "invalid_request_error", http.MethodPost, path+"/advance", "frozen_time="+unixText(t, "2026-01-31T00:00:00Z"))
	// Two intervals of the shortest subscription are as far as one request goes.
	b.refused(400, "invalid_request_error", http.MethodPost, path+"/advance", "frozen_time="+unixText(t, "2026-04-01T00:00:00Z"))
	before := len(b.events())
	b.shows(b.post(path+"/advance", "frozen_time="+unixText(t, "2026-02-28T02:00:00Z")), map[string]string{"status": "advancing"})
	b.shows(b.get(path, ""), map[string]string{"status": "ready", "frozen_time": unixText(t, "2026-02-28T02:00:00Z")})
	b.happened(before, append(append([]string{"test_helpers.test_clock.advancing"}, renewal...), "test_helpers.test_clock.ready")...)
	event := b.get("/v1/events", "type=invoice.paid&limit=1")
	b.shows(event, map[string]string{"data.0.created": unixText(t, "2026-02-28T01:00:00Z"), "data.0.data.object.subscription": id})
	b.shows(b.get("/v1/subscriptions", "test_clock="+b.clock), map[string]string{"data.#": "1"})
	b.shows(b.get("/v1/subscriptions", ""), map[string]string{"data.#": "1", "data.0.id": "sub_789"})

	b.shows(b.del(path), map[string]string{"deleted": "true"})
	b.refused(404, "resource_missing", http.MethodGet, "/v1/subscriptions/"+id, "")
	b.shows(b.get("/v1/customers/"+b.customer, ""), map[string]string{"deleted": "true"})
	b.refused(404, "resource_missing", http.MethodGet, path, "")
}

func TestAdvancingWithoutAClockMovesEverything(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-01-31T00:00:00Z", "pm_card_visa")
	id := b.subscribe("items[0][price]=price_456").text("id")
	b.do("advance", `{"by":"31d"}`)
	b.shows(b.get("/v1/invoices", "subscription="+id), map[string]string{"data.#": "2"})
	b.shows(b.get("/v1/invoices", "subscription=sub_789"), map[string]string{"data.#": "2"})
}

// december is a clock that stands in a month of 31 days.
type december struct{ stopped }

func (december) Now() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) }

// A month of 31 days has just ended then: nobody waits another hour for the draft.
func TestMovingAllTimeDoesNotEndInTheWaitOfADraft(t *testing.T) {
	t.Parallel()
	b := onClockOf(open(t, Options{Clock: december{}}), "2026-03-01T00:00:00Z", "pm_card_visa")
	mine := b.subscribe("items[0][price]=price_456").text("id")
	b.shows(b.do("advance", `{"by":"31d"}`), map[string]string{"time": "2027-01-01T12:00:00Z"})
	for _, id := range []string{"sub_789", mine} {
		b.shows(b.get("/v1/invoices", "subscription="+id), map[string]string{"data.#": "2", "data.0.status": "paid"})
	}
	b.shows(b.get("/v1/test_helpers/test_clocks/"+b.clock, ""), map[string]string{"frozen_time": unixText(t, "2026-04-01T00:00:00Z")})
}

// Events are forgotten after thirty days of the machine's time, and not of a clock's.
func TestEventsOfAClockThatStandsLongAgoAreKept(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2020-01-01T00:00:00Z", "")
	for range trimEvery + 1 {
		b.get("/v1/customers/"+b.customer, "")
	}
	b.post("/v1/customers/"+b.customer, "name=x")
	b.shows(b.get("/v1/events", "type=customer.created"), map[string]string{"data.#": "1", "data.0.created": unixText(t, "2020-01-01T00:00:00Z")})
}

// A year of a subscription that recurs daily is more than a thousand things that
// happen by themselves.
func TestAYearOfADailySubscriptionPasses(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2027-01-01T00:00:00Z", "pm_card_visa")
	day := b.post("/v1/prices", "currency=usd&unit_amount=100&recurring[interval]=day&product=prod_456").text("id")
	id := b.subscribe("items[0][price]=" + day).text("id")
	begun := time.Now()
	b.pass("365d")
	t.Logf("a year passed in %s", time.Since(begun))
	b.shows(b.get("/v1/subscriptions/"+id, ""), map[string]string{"status": "active", "current_period_start": unixText(t, "2028-01-01T00:00:00Z")})
	b.shows(b.get("/v1/invoices/search", "limit=1&expand[]=total_count&query=subscription:'"+id+"' AND status:'paid'"), map[string]string{"total_count": "365"})
}

func TestATimeThatNoDateCanBeReckonedWithIsRefused(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for _, at := range []string{"-1", "253370764801", "9223372036854775807"} {
		b.refused(http.StatusBadRequest, "parameter_invalid_integer", http.MethodPost, "/v1/test_helpers/test_clocks", "frozen_time="+at)
		b.refused(http.StatusBadRequest, "parameter_invalid_integer", http.MethodPost, "/v1/subscriptions", "customer=cus_123&items[0][price]=price_456&trial_end="+at)
		b.refused(http.StatusBadRequest, "parameter_invalid_integer", http.MethodPost, "/v1/invoiceitems", "customer=cus_123&price=price_456&period[start]=0&period[end]="+at)
	}
	last := b.post("/v1/test_helpers/test_clocks", "frozen_time=253370764800").text("id")
	for _, params := range []string{`{"by":"1d"}`, `{"by":"1d","clock":"` + last + `"}`} {
		if _, err := b.Do(t.Context(), "advance", json.RawMessage(params)); err == nil || !strings.Contains(err.Error(), "9998") {
			t.Errorf("%s: %v", params, err)
		}
	}
	b.shows(b.do("status", ""), map[string]string{"ahead": "0s", "clocks.0.time": "9999-01-01T00:00:00Z"})
}
