package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/backflow/backflow/sdk"
)

// TestEventsOfAnotherModeThanThatOfTheKeyAreFlagged: no other event is, and none is
// refused.
func TestEventsOfAnotherModeThanThatOfTheKeyAreFlagged(t *testing.T) {
	t.Parallel()
	none, flagged := []string(nil), []string{"livemode"}
	for key, want := range map[string]struct{ live, test []string }{
		"sk_live_1":     {none, flagged},
		"rk_live_1":     {none, flagged},
		"sk_test_1":     {flagged, none},
		"rk_test_1":     {flagged, none},
		"sk_org_live_1": {none, flagged},
		"sk_org_test_1": {flagged, none},
		"sk_org_1":      {none, none},
		"whatever_key":  {none, none},
		"sk_1":          {none, none},
		"":              {none, none}, // not configured
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			p := &plugin{}
			if key != "" {
				entry := json.RawMessage(fmt.Sprintf(`{"secretKey":%q,"apiBase":"https://proxy.example"}`, key))
				if err := p.configure(t.Context(), entry); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			verifier, ok := p.integration().(sdk.WebhookVerifier)
			if !ok {
				t.Fatal("it verifies no webhooks")
			}
			check := func(member string, livemode *bool, flags []string) {
				t.Helper()
				event, err := verifier.VerifyWebhook(context.Background(), signed(`{"id":"evt_1","type":"x"`+member+`}`, "whsec_1", webhookNow))
				if err != nil || event.ID != "evt_1" || !slices.Equal(event.Flags, flags) ||
					(event.Livemode == nil) != (livemode == nil) || livemode != nil && *event.Livemode != *livemode {
					t.Errorf("%s: %+v, %v", member, event, err)
				}
			}
			live, test := true, false
			check(`,"livemode":true`, &live, want.live)
			check(`,"livemode":false`, &test, want.test)
			check(`,"livemode":"true"`, nil, none)
			check(`,"data":{"object":{"livemode":true}}`, nil, none)
			check(``, nil, none)
		})
	}
}

// TestLiveKeysAreNotForDevelopersMachines: those of accounts and of organizations, and
// those of organizations that do not say what they are.
func TestLiveKeysAreNotForDevelopersMachines(t *testing.T) {
	t.Parallel()
	refused := func(key string) bool {
		return slices.ContainsFunc(newServed().Manifest().NotInDev, func(p sdk.CredentialPattern) bool {
			return p.Field == "secretKey" && regexp.MustCompile(`\A(?:`+p.Pattern+`)\z`).MatchString(key)
		})
	}
	for key, want := range map[string]bool{
		"sk_live_1": true, "rk_live_1": true, "sk_live_": true,
		"sk_org_live_1": true, "sk_org_1": true, "sk_org_testing": true, "sk_org_tesla_1": true, "sk_orgX1": true, "sk_org_t": true, "sk_org_test": true,
		"sk_test_1": false, "rk_test_1": false, "sk_org_test_1": false, "sk_test_sk_live_1": false, "anything": false,
	} {
		if refused(key) != want {
			t.Errorf("%s: refused %v, want %v", key, !want, want)
		}
	}
}
