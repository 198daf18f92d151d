package provider

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// TestWhatIsSignedIsNoOtherEventWhereverItIsCut: id, time and body run together in what is
// signed, so that a captured signature also holds for another id that has the beginning of
// the body.
func TestWhatIsSignedIsNoOtherEventWhereverItIsCut(t *testing.T) {
	t.Parallel()
	now := time.Unix(1795428000, 0)
	custom := func(content string) Provider {
		p, err := NewCustom(CustomConfig{Header: "Webhook-Signature", Encoding: "base64", Prefix: "v1,", IDHeader: "Webhook-Id", TimestampHeader: "Webhook-Timestamp", Content: content})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, p := range map[string]Provider{
		"standard": standard(), "custom": custom("{{id}}.{{timestamp}}.{{body}}"), "custom without a time": custom("{{id}}.{{body}}"),
	} {
		id, timestamp, body := "msg_1", "1795427990", `{"text":"a.1795428010.b"}`
		secret := "whsec_" + strings.Repeat("c2VjcmV0", 4)
		key := []byte(secret)
		if name == "standard" {
			key = standardKeys([]string{secret})[0]
		}
		signed := id + "." + timestamp + "." + body
		if name == "custom without a time" {
			signed = id + "." + body
		}
		send := func(id, timestamp, body, contentType string) (Verified, error) {
			return p.Verify(t.Context(), sdk.WebhookRequest{Method: http.MethodPost, Secrets: []string{secret}, Now: now, Tolerance: time.Minute, Body: []byte(body), Headers: map[string][]string{
				"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Content-Type": {contentType},
				"Webhook-Signature": {"v1," + inBase64.encode(hmacSHA256.mac(key, []byte(signed)))},
			}})
		}
		first, err := send(id, timestamp, body, "application/json")
		if err != nil || first.ID != id {
			t.Fatalf("%s: %+v, %v", name, first, err)
		}
		cuts := map[string][2]string{
			signed[:strings.Index(signed, ".1795428010")]: {"1795428010", `b"}`}, id + `.{"text":"a`: {timestamp, `1795428010.b"}`},
		}
		for other, rest := range cuts {
			got, err := send(other, rest[0], rest[1], "text/plain")
			if err == nil && (got.Content == nil || string(got.Content) != string(first.Content)) {
				t.Errorf("%s: the same signed bytes are event %q too", name, got.ID)
			}
		}
	}
}
