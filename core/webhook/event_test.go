package webhook

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/state"
)

// What stores out there hold: this test changes only together with the version.
func TestEventFormatVersion1(t *testing.T) {
	h := newHarness(t)
	if _, err := receive(t, h.receiver(), h.send(secret, succeeded)); err != nil {
		t.Fatal(err)
	}
	values, err := h.store.Get(t.Context(), state.Ref{Bucket: "event", ID: "stripe-events/evt_1"})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"id":"evt_1","type":"payment_intent.succeeded","webhook":"stripe-events","runId":"run-1",` +
		fmt.Sprintf(`"receivedAt":"2026-11-23T10:00:00.123Z","size":%d,"provider":"stripe"}`, len(succeeded))
	if got := string(values[0]); got != want {
		t.Errorf("stored\n%s, want\n%s", got, want)
	}
	member := []string{"2026-11-23T10:00:00.123Z/stripe-events/evt_1"}
	for _, set := range []string{"events", "events/stripe-events"} {
		if diff := cmp.Diff(member, h.members(set)); diff != "" {
			t.Errorf("%s: %s", set, diff)
		}
	}
}

func TestEventsAreListedInTheOrderOfTheirTime(t *testing.T) {
	h := newHarness(t)
	r := h.receiver()
	var want []string
	for _, id := range []string{"z", "y", "x"} {
		if _, err := receive(t, r, h.send(secret, `{"id":"`+id+`"}`)); err != nil {
			t.Fatal(err)
		}
		want = append(want, h.clock.Now().Format(event.TimeFormat)+"/stripe-events/"+id)
		h.clock.Advance(877 * time.Millisecond) // so that the second comes out with no fraction
	}
	if diff := cmp.Diff(want, h.members("events")); diff != "" {
		t.Error(diff)
	}
}

func TestTheIndexForgetsWhatTheStoreForgot(t *testing.T) {
	h := newHarness(t)
	r := h.receiver()
	send := func(n int, name string) {
		t.Helper()
		for i := range n {
			if _, err := receive(t, r, h.send(secret, fmt.Sprintf(`{"id":"%s-%d"}`, name, i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(2*sweepEvery, "old")
	h.clock.Advance(event.TTL + time.Second)
	send(sweepEvery, "new")
	for _, set := range []string{"events", "events/stripe-events"} {
		if n := len(h.members(set)); n != sweepEvery {
			t.Errorf("%s has %d members, want the %d that are kept", set, n, sweepEvery)
		}
	}
}

func TestSecretHeadersAreNotKept(t *testing.T) {
	for name, want := range map[string]bool{
		"stripe-signature": true, "webhook-signature": true, "x-hub-signature-256": true, "x-shopify-hmac-sha256": true,
		"authorization": true, "proxy-authorization": true, "cookie": true, "x-api-key": true, "x-gitlab-token": true,
		"content-type": false, "user-agent": false, "webhook-id": false, "x-github-event": false, "idempotency-key": false,
	} {
		if got := isSecret(name); got != want {
			t.Errorf("%s: secret = %v, want %v", name, got, want)
		}
	}
}

// TestAFlaggedEventIsKeptAndRunsAndIsToldOnce: its mode and its flags are part of what
// is kept, and of what its actions see.
func TestAFlaggedEventIsKeptAndRunsAndIsToldOnce(t *testing.T) {
	h := newHarness(t)
	r := h.receiver()
	long := strings.Repeat("x", 65)
	d := h.send(secret, `{"id":"evt_1","type":"paid","livemode":true,"flags":["livemode","odd","livemode","two words","","`+long+`"]}`)
	for range 3 {
		if _, err := receive(t, r, d); err != nil {
			t.Fatal(err)
		}
	}
	values, err := h.store.Get(t.Context(), state.Ref{Bucket: "event", ID: "stripe-events/evt_1"})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := event.Decode(values[0])
	if err != nil || kept.Livemode == nil || !*kept.Livemode || !slices.Equal(kept.Flags, []string{"livemode", "odd"}) {
		t.Errorf("kept is %s, %v", values[0], err)
	}
	runs := h.started()
	if len(runs) != 1 {
		t.Fatalf("%d runs, want 1", len(runs))
	}
	if root := string(runs[0].Roots["event"].Raw()); !strings.HasSuffix(root, `,"livemode":true,"flags":["livemode","odd"]}`) {
		t.Errorf("the actions see %s", root)
	}
	if log := h.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, `level=WARN msg="a genuine webhook event is odd: it is kept, and its actions run" webhook=stripe-events provider=stripe event=evt_1 type=paid run=run-1 flags="[livemode odd]"`) {
		t.Errorf("the log is %s", log)
	}
}

func TestTheFlagsOfAnEventAreBounded(t *testing.T) {
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("flag-%d", i))
	}
	if kept := keptFlags(many); len(kept) != 16 || kept[15] != "flag-15" {
		t.Errorf("kept are %q", kept)
	}
}
