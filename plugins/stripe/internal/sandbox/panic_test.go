package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// due adds a timer of the sandbox's own time.
func (b *box) due(in time.Duration, kind string) {
	b.t.Helper()
	if _, err := b.change(b.t.Context(), "", nil, func(_ *store.Tx, t *resource.Tx) error {
		t.After(in, kind, "x")
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
}

func TestAPanicEndsNothingAndLosesNothing(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	fails := func(tx *resource.Tx) {
		o, _ := tx.Find("customer", "cus_123")
		o["name"] = "half done"
		tx.Put(o)
		panic("a mistake in the sandbox")
	}
	fired := make(chan bool, 1)
	// Under the lock of the state, which the timers are read under.
	if _, err := b.change(t.Context(), "", nil, func(*store.Tx, *resource.Tx) error {
		b.env.Module.Timers["test.fails"] = func(tx *resource.Tx, _ string) { fails(tx) }
		b.env.Module.Timers["test.follows"] = func(*resource.Tx, string) { fired <- true }
		b.env.Module.Pages["test"] = func(tx *resource.Tx, _ []string, _ url.Values) resource.PageResult {
			fails(tx)
			return resource.PageResult{}
		}
		b.env.Module.Operations["GetBalance"] = func(tx *resource.Tx, _ *resource.Request) (resource.Object, *resource.Refusal) {
			fails(tx)
			return nil, nil
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	unharmed := func(when string) {
		t.Helper()
		if name := b.get("/v1/customers/cus_123", "").text("name"); name == "half done" {
			t.Errorf("%s: what was half done was kept", when)
		}
	}

	b.due(0, "test.fails")
	b.due(0, "test.follows")
	testkit.Eventually(t, 10*time.Second, "the next timer fires", func() bool { return len(fired) == 1 })
	unharmed("a timer")
	if ahead := b.do("status", "").text("ahead"); ahead != "0s" {
		t.Errorf("the sandbox is ahead by %s", ahead)
	}

	// The timer that failed waits for its next try, at which time stops.
	if _, err := b.Do(t.Context(), "advance", json.RawMessage(`{"by":"2h"}`)); err == nil {
		t.Error("time went over a timer that failed")
	}
	unharmed("an advance")
	b.shows(b.do("status", ""), map[string]string{"ahead": "0s"})

	b.refused(http.StatusInternalServerError, "api_error", http.MethodGet, "/v1/balance", "")
	unharmed("an operation")
	if shown := b.send(http.MethodGet, "/test/-", ""); shown.Status != http.StatusInternalServerError {
		t.Errorf("%d: %s", shown.Status, shown.Raw)
	}
	unharmed("a page")
}
