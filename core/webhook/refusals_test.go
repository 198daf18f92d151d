package webhook

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

func (h *harness) remembering(keep bool) (*Receiver, *Refusals) {
	h.t.Helper()
	opt := h.options()
	opt.Refusals, opt.KeepRefused, opt.MaxBodyBytes = NewRefusals(), keep, 4<<20
	r, err := NewReceiver(opt)
	if err != nil {
		h.t.Fatal(err)
	}
	return r, opt.Refusals
}

func TestARefusedRequestIsRememberedWithoutWhatItHeld(t *testing.T) {
	h := newHarness(t)
	r, _ := h.remembering(false)
	d := h.send("whsec_wrong", succeeded)
	d.headers.Set("Authorization", "Bearer hush")
	d.headers.Set(strings.Repeat("X", 100), "v")
	ctx := telemetry.WithRequestID(t.Context(), "req-7")
	_, err := r.Receive(ctx, Request{Method: "POST", Header: d.headers, Body: d.body, URL: "/webhooks/stripe?token=hush", Client: "203.0.113.9"})
	refused(t, err)
	page, more := r.Refused(0, 10)
	if len(page) != 1 || more {
		t.Fatalf("%+v, %v", page, more)
	}
	got := page[0]
	want := RefusedRequest{
		Number: 1, ReceivedAt: h.clock.Now(), Refusal: Refusal{Kind: RefusedSignature, Reason: "no secret matches ***"}, Method: "POST",
		Headers: []string{"authorization", "content-type", "x-signature", "x-time", strings.Repeat("x", 64)}, HeaderBytes: headerBytes(d.headers),
		BodyBytes: int64(len(succeeded)), Client: "203.0.113.9", RequestID: "req-7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if one, ok := r.RefusedRequest(1); !ok || !cmp.Equal(one, want) {
		t.Errorf("alone it is %+v, %v", one, ok)
	}
	if _, ok := r.RefusedRequest(2); ok {
		t.Error("there is a second")
	}
	// What is received, and what cannot be received now, is not refused.
	h.startErr = fmt.Errorf("a bug")
	_, _ = receive(t, r, h.send(secret, succeeded))
	h.startErr = nil
	if _, err := receive(t, r, h.send(secret, succeeded)); err != nil {
		t.Error(err)
	}
	r.RefuseTooLarge(ctx, Request{Method: "POST", Header: d.headers}, 5<<20)
	if page, _ := r.Refused(0, 10); len(page) != 2 || page[0].Refusal.Kind != RefusedTooLarge || page[0].BodyBytes != 5<<20 || page[0].Number != 2 {
		t.Errorf("%+v", page)
	}
}

func TestTheLastTwoHundredAreRemembered(t *testing.T) {
	h := newHarness(t)
	r, refusals := h.remembering(false)
	d := h.send("whsec_wrong", succeeded)
	for i := range 100 {
		d.headers.Set(fmt.Sprintf("X-Many-%d", i), "v")
	}
	for range 250 {
		_, err := receive(t, r, d)
		refused(t, err)
	}
	var numbers []int64
	before := int64(0)
	for {
		page, more := r.Refused(before, 70)
		for _, request := range page {
			numbers = append(numbers, request.Number)
			if len(request.Headers) != maxRefusedHeaders {
				t.Fatalf("%d names of headers are kept", len(request.Headers))
			}
		}
		if !more {
			break
		}
		before = numbers[len(numbers)-1]
	}
	if len(numbers) != 200 || numbers[0] != 250 || numbers[199] != 51 || !slices.IsSortedFunc(numbers, func(a, b int64) int { return int(b - a) }) {
		t.Errorf("remembered are %d to %d", numbers[0], numbers[len(numbers)-1])
	}
	// A reload keeps them, as long as the webhook stays.
	refusals.Keep([]string{"stripe-events", "other"})
	if page, _ := r.Refused(0, 1); len(page) != 1 {
		t.Error("a reload forgets them")
	}
	refusals.Keep([]string{"other"})
	if page, _ := r.Refused(0, 1); len(page) != 0 {
		t.Error("those of a webhook that is gone are remembered")
	}
}

func TestWhatIsKeptOfRefusedRequestsIsBounded(t *testing.T) {
	h := newHarness(t)
	r, refusals := h.remembering(true)
	send := func(body string) {
		d := h.send("whsec_wrong", body)
		d.headers.Set("X-Hub-Signature-256", "sha256=ab")
		d.headers.Set("X-Gitlab-Token", "hush")
		d.headers.Set("Cookie", "hush")
		_, err := r.Receive(t.Context(), Request{Method: "POST", Header: d.headers, Body: d.body, URL: "/webhooks/stripe?a=1"})
		refused(t, err)
	}
	send("small")
	one, _ := r.RefusedRequest(1)
	if one.Kept == nil || string(one.Kept.Body) != "small" || one.Kept.URL != "/webhooks/stripe?a=1" {
		t.Fatalf("kept is %+v", one.Kept)
	}
	names := []string{}
	for name := range one.Kept.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"Content-Type", "X-Hub-Signature-256", "X-Signature", "X-Time"}, names); diff != "" {
		t.Error(diff)
	}
	big := strings.Repeat("x", maxKeptRequest-1000)
	for range 5 {
		send(big)
	}
	send(strings.Repeat("x", maxKeptRequest))
	kept := 0
	page, _ := r.Refused(0, 200)
	for _, request := range page {
		kept += request.Kept.size()
	}
	if len(page) != 7 || page[0].Kept != nil || page[1].Kept == nil || page[6].Kept != nil || kept > maxKeptBytes || kept != refusals.byName["stripe-events"].kept {
		t.Errorf("%d requests with %d bytes", len(page), kept)
	}
	for range maxRefused {
		send("x")
	}
	if list := refusals.byName["stripe-events"]; list.kept > maxRefused*1000 || len(list.requests) != maxRefused {
		t.Errorf("%d bytes of %d", list.kept, len(list.requests))
	}
}

func TestTheSecretsOfAWebhookAreNotKept(t *testing.T) {
	h := newHarness(t)
	opt := h.options()
	opt.Provider.Challenge.VerifyToken = "shown-to-the-sender"
	opt.Refusals, opt.KeepRefused = NewRefusals(), true
	r, err := NewReceiver(opt)
	if err != nil {
		t.Fatal(err)
	}
	d := h.send("whsec_wrong", `{"secret":"`+secret+`"}`)
	d.headers.Set("X-Key", secret)
	_, err = r.Receive(t.Context(), Request{Method: "POST", Header: d.headers, Body: d.body, URL: "/webhooks/stripe?hub.verify_token=shown-to-the-sender&key=" + secret})
	refused(t, err)
	one, _ := r.RefusedRequest(1)
	if one.Kept.URL != "/webhooks/stripe?hub.verify_token=***&key=***" || one.Kept.Header.Get("X-Key") != "***" || string(one.Kept.Body) != `{"secret":"***"}` {
		t.Errorf("kept is %+v, %s", one.Kept, one.Kept.Body)
	}
}

func TestTheMethodsOfAWebhookAreItsProviders(t *testing.T) {
	h := newHarness(t)
	opt := h.options()
	opt.Provider.Methods = []string{http.MethodGet, http.MethodPost, http.MethodHead}
	r, err := NewReceiver(opt)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"POST", "GET", "HEAD"}, r.Methods()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"POST"}, h.receiver().Methods()); diff != "" {
		t.Error(diff)
	}
}

// TestAHeadIsAGetToAProviderThatKnowsNone: its response is that of a GET, without the body.
func TestAHeadIsAGetToAProviderThatKnowsNone(t *testing.T) {
	h := newHarness(t)
	for want, methods := range map[string][]string{"GET": {"GET"}, "HEAD": {"GET", "HEAD"}} {
		opt := h.options()
		var seen string
		opt.Provider.Methods = methods
		opt.Provider.Verify = func(_ context.Context, request sdk.WebhookRequest) (provider.Verified, error) {
			seen = request.Method
			return provider.Verified{Reply: &provider.Reply{}}, nil
		}
		r, err := NewReceiver(opt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Receive(t.Context(), Request{Method: "HEAD"}); err != nil || seen != want {
			t.Errorf("a provider of %q sees %q, want %q: %v", methods, seen, want, err)
		}
	}
}
