package webhook

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/provider"
)

func TestARequestIsJudgedAsAGatewayWould(t *testing.T) {
	h := newHarness(t)
	refusal := func(kind RefusalKind, genuine bool, reason string) *Refusal {
		return &Refusal{Kind: kind, Genuine: genuine, Reason: reason}
	}
	for _, test := range []struct {
		name         string
		secret, body string
		later        time.Duration
		filter       *Filter
		want         Judgement
	}{
		{"the new secret", secret, succeeded, 0, nil, Judgement{Secret: 1, ID: "evt_1", Type: "payment_intent.succeeded"}},
		{"the old secret", oldSecret, succeeded, 0, FilterTypes([]string{"payment_intent.*"}), Judgement{Secret: 2, ID: "evt_1", Type: "payment_intent.succeeded"}},
		{"filtered", secret, succeeded, 0, FilterTypes([]string{"x"}), Judgement{Secret: 1, ID: "evt_1", Type: "payment_intent.succeeded", Filtered: true}},
		{"a filter that fails", secret, succeeded, 0, conditionFilter(t, "{{payload.x}} === 1"), Judgement{Secret: 1, ID: "evt_1", Type: "payment_intent.succeeded", FilterError: "condition: at byte 0: payload.x is missing: payload has no \"x\" (?. and ?? cover what may be missing)"}},
		{"a wrong secret", "whsec_wrong", succeeded, 0, nil, Judgement{Refusal: refusal(RefusedSignature, false, "no secret matches ***")}},
		{"too late", secret, succeeded, time.Hour, nil, Judgement{Refusal: refusal(RefusedSignature, false, "the signature's time is too far away")}},
		{"no id", secret, `{"type":"x"}`, 0, nil, Judgement{Secret: 1, Type: "x", NoID: "the event has no id"}},
		{"no JSON", secret, "x", 0, nil, Judgement{Secret: 1, NoID: "the event has no id", Refusal: refusal(RefusedNotJSON, true, "the body is not JSON: at byte 0: a word without quotes is no value (text stands in double quotes)")}},
		{"too large", secret, strings.Repeat(" ", 5000), 0, nil, Judgement{Refusal: refusal(RefusedTooLarge, false, "the body is larger than 4096 bytes")}},
		{"a long id", secret, `{"id":"` + strings.Repeat("x", 513) + `"}`, 0, nil, Judgement{Secret: 1, ID: strings.Repeat("x", 513), Refusal: refusal(RefusedEvent, true, "the event's id has 513 bytes, at most 512 are kept")}},
	} {
		d := h.send(test.secret, test.body)
		got, err := Judge(t.Context(), JudgeOptions{
			Provider: provider.Provider{Name: "stripe", Verify: h.verify}, Secrets: []string{secret, oldSecret}, Filter: test.filter,
			MaxBodyBytes: 4096, Now: h.clock.Now().Add(test.later),
		}, Request{Method: "POST", Header: d.headers, Body: d.body})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	if len(h.started()) != 0 || len(h.members("events")) != 0 {
		t.Error("something was stored")
	}
	o := JudgeOptions{Provider: phone, Secrets: []string{"phone-secret"}, Now: h.clock.Now()}
	if got, err := Judge(t.Context(), o, Request{Method: "POST", Body: []byte("key=phone-secret&challenge=1")}); err != nil || !got.Challenge || got.Secret != 1 {
		t.Errorf("a challenge: %+v, %v", got, err)
	}
	h.checkErr = errors.New("the plugin is down")
	o.Provider.Verify = h.verify
	if got, err := Judge(t.Context(), o, Request{}); err == nil || got.Refusal != nil {
		t.Errorf("a check that cannot be made: %+v, %v", got, err)
	}
	o.Secrets = nil
	if _, err := Judge(t.Context(), o, Request{}); err == nil {
		t.Error("without a secret: no error")
	}
}
