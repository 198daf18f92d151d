package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/backflow/backflow/plugins/stripe/internal/api"
	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/deliver"
	"github.com/backflow/backflow/sdk"
)

// plugin is the Stripe integration.
type plugin struct {
	// muteSandbox is called before the sandbox starts; nil does nothing.
	muteSandbox func() error

	// Set by configure, before the first action, and constant from then on.
	client  *api.Client
	sandbox *sandbox.Sandbox
	live    *bool // the mode of the key, nil where it says none
	// given is the description that the config names, nil without one, and version
	// what it describes, which is then sent with every request.
	given   *openapi.Description
	version string

	// warned holds the ids of deprecated operations that were used.
	warned sync.Map
}

// configure checks the credentials, or starts the sandbox. It does not call
// Stripe.
func (p *plugin) configure(ctx context.Context, entry json.RawMessage) error {
	if p.client != nil {
		return errors.New("stripe is configured already")
	}
	if sdk.ConfigFrom(ctx).Sandbox {
		if p.muteSandbox != nil {
			if err := p.muteSandbox(); err != nil {
				return fmt.Errorf("mute the sandbox: %w", err)
			}
		}
		var given credentials
		if err := json.Unmarshal(entry, &given); err == nil && given.APIDescription != "" {
			sdk.Logger(ctx).Warn("the sandbox speaks "+stripe.APIVersion+" alone: apiDescription is not read", "apiDescription", given.APIDescription)
		}
		config := sdk.ConfigFrom(ctx)
		options := sandbox.Options{Dir: config.DataDir, Logger: sdk.Logger(ctx)}
		for _, webhook := range config.Webhooks {
			options.Webhooks = append(options.Webhooks, deliver.Target(webhook))
		}
		box, err := sandbox.Start(options)
		if err != nil {
			return err
		}
		sdk.Logger(ctx).Info("Stripe's sandbox stands in for Stripe", "address", box.URL())
		p.sandbox, p.client, p.live = box, api.New(sandbox.Key, box.URL()), modeOf(sandbox.Key)
		return nil
	}
	var given credentials
	if err := json.Unmarshal(entry, &given); err != nil {
		return errors.New("credentials.stripe is not an object of strings")
	}
	if err := given.check(); err != nil {
		return err
	}
	described, err := given.readDescription(sdk.ConfigFrom(ctx).BaseDir)
	if err != nil {
		return err
	}
	if described != nil {
		p.given, p.version = described, described.Version()
	}
	p.client, p.live = api.New(given.SecretKey, given.APIBase), modeOf(given.SecretKey)
	return nil
}

// Close ends the sandbox and idle connections.
func (p *plugin) Close() error {
	if p.client != nil {
		p.client.Close()
	}
	if p.sandbox != nil {
		return p.sandbox.Close()
	}
	return nil
}

// control does a command of the sandbox.
func (p *plugin) control(ctx context.Context, command sdk.SandboxCommand) (json.RawMessage, error) {
	if p.sandbox == nil {
		return nil, sdk.Refuse(sdk.CodeNotFound, "stripe is not in its sandbox")
	}
	return p.sandbox.Do(ctx, command.Name, command.Params)
}

// keyLifetime is how long Stripe keeps an idempotency key at least
// (https://docs.stripe.com/api/idempotent_requests).
const keyLifetime = 24 * time.Hour

// keyLifetimeV2 is how long it keeps one below /v2
// (https://docs.stripe.com/api-v2-overview).
const keyLifetimeV2 = 30 * 24 * time.Hour
