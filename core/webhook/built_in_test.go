package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/sdk"
)

// phone is a provider without a plugin whose sender differs from others in every
// way: it sends forms, wants a text as reply, and begins with a challenge.
var phone = provider.Provider{
	Name: "phone", SecretField: "authToken", EventTypes: []string{"call"},
	NewSecret: func() string { return "phone-secret" },
	Verify: func(_ context.Context, request sdk.WebhookRequest) (provider.Verified, error) {
		form, err := url.ParseQuery(string(request.Body))
		if err != nil || form.Get("key") != request.Secrets[0] {
			return provider.Verified{}, &sdk.WebhookRefusal{Reason: "the key is wrong"}
		}
		if challenge := form.Get("challenge"); challenge != "" {
			return provider.Verified{Reply: &provider.Reply{ContentType: "text/plain", Body: []byte(challenge)}}, nil
		}
		payload, err := json.Marshal(map[string]string{"from": form.Get("from")})
		return provider.Verified{
			ID: form.Get("sid"), Type: "call", Payload: payload, Reply: &provider.Reply{ContentType: "text/xml", Body: []byte("<Response/>")},
		}, err
	},
	Sample: func(_ context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
		return sdk.Sample{Body: []byte("key=" + request.Secret + "&sid=CA1&from=555")}, nil
	},
}

func TestABuiltInProviderReceivesFormsAndReplies(t *testing.T) {
	h := newHarness(t)
	found, ok := provider.Table{phone}.Lookup("phone", nil)
	if !ok {
		t.Fatal("the provider is not found")
	}
	opt := h.options()
	opt.Provider, opt.Secrets = found, []string{found.NewSecret()}
	r, err := NewReceiver(opt)
	if err != nil {
		t.Fatal(err)
	}
	send := func(body string) (Receipt, error) {
		return receive(t, r, delivery{headers: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body: []byte(body)})
	}
	sample, err := found.Sample(t.Context(), sdk.SampleRequest{EventType: "call", Secret: opt.Secrets[0]})
	if err != nil {
		t.Fatal(err)
	}
	for _, duplicate := range []bool{false, true} {
		got, err := send(string(sample.Body))
		if err != nil || got.ID != "CA1" || got.Duplicate != duplicate || got.Reply == nil || string(got.Reply.Body) != "<Response/>" {
			t.Errorf("an event: %+v, %v", got, err)
		}
	}
	if runs := h.started(); len(runs) != 1 || string(runs[0].Roots["payload"].Raw()) != `{"from":"555"}` {
		t.Errorf("runs %+v, want one with the form as payload", runs)
	}
	got, err := send("key=phone-secret&challenge=42")
	if want := (Receipt{Reply: &provider.Reply{ContentType: "text/plain", Body: []byte("42")}}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("a challenge: %+v, %v, want %+v", got, err, want)
	}
	if _, err := send("key=wrong&challenge=42"); refused(t, err).Kind != RefusedSignature {
		t.Errorf("a wrong key: %v", err)
	}
	if len(h.started()) != 1 {
		t.Error("a challenge or a refused request has started a run")
	}
}
