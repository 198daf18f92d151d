package webhook

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/event"
)

func TestAnIntakeNeedsANameAListAndAStarter(t *testing.T) {
	h := newHarness(t)
	for name, change := range map[string]func(o *IntakeOptions){
		"no name":           func(o *IntakeOptions) { o.Webhook = "" },
		"name with a slash": func(o *IntakeOptions) { o.Webhook = "a/b" },
		"no provider":       func(o *IntakeOptions) { o.Provider = "" },
		"no events":         func(o *IntakeOptions) { o.Events = nil },
		"no starter":        func(o *IntakeOptions) { o.Starter = nil },
	} {
		opt := h.intakeOptions()
		change(&opt)
		if _, err := NewIntake(opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestACapturedDeliveryUnderAForgedIDRunsNothing: where the id is not signed, the same
// signed bytes are the first event, whatever id they come under.
func TestACapturedDeliveryUnderAForgedIDRunsNothing(t *testing.T) {
	h := newHarness(t)
	send := func(id, body string) Receipt {
		t.Helper()
		d := h.send(secret, body)
		d.headers.Set("X-Event", id)
		got, err := receive(t, h.receiver(), d)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	const body = `{"type":"paid"}`
	first := send("evt_1", body)
	for _, id := range []string{"evt_1", "evt_forged", "evt_forged_again"} {
		if diff := cmp.Diff(Receipt{ID: "evt_1", Duplicate: true, RunID: first.RunID}, send(id, body)); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
	if got := send("evt_2", `{"type":"paid","of":"another"}`); got.Duplicate {
		t.Errorf("another body: %+v", got)
	}
	if n := len(h.started()); n != 2 {
		t.Errorf("%d runs, want 2", n)
	}
	h.clock.Advance(event.TTL + time.Second)
	if got := send("evt_3", body); got.Duplicate {
		t.Errorf("after 30 days: %+v", got)
	}
}
