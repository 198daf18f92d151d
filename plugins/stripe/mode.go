package main

import (
	"context"
	"regexp"

	"github.com/backflow/backflow/sdk"
)

// modeOf reports whether a key is for live mode or for test mode, by how it begins
// (https://docs.stripe.com/keys#test-live-modes), of an account or of an organization.
// It is nil for a key that does not say so.
func modeOf(key string) (live *bool) {
	mode := modePattern.FindStringSubmatch(key)
	if mode == nil {
		return nil
	}
	isLive := mode[1] == "live"
	return &isLive
}

var modePattern = regexp.MustCompile(`^[sr]k_(?:org_)?(live|test)_`)

// verifyAndFlag verifies a webhook, and flags an event of another mode than that of the
// key: the endpoint or its secret is of the wrong one. Before configure no mode is known.
func (p *plugin) verifyAndFlag(ctx context.Context, request sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	event, err := verifyWebhook(ctx, request)
	if err == nil && p.live != nil && event.Livemode != nil && *p.live != *event.Livemode {
		event.Flags = append(event.Flags, sdk.FlagLivemode)
	}
	return event, err
}
