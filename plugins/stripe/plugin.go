package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/api"
	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox"
	"github.com/backflow/backflow/sdk"
)

// plugin is the Stripe integration.
type plugin struct {
	// muteSandbox is called before the sandbox starts; nil does nothing.
	muteSandbox func() error

	// Set by configure, before the first action, and constant from then on.
	client  *api.Client
	sandbox *sandbox.Sandbox
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
		box, err := sandbox.Start()
		if err != nil {
			return err
		}
		sdk.Logger(ctx).Info("Stripe's sandbox (stripe-mock) stands in for Stripe", "address", box.URL())
		p.sandbox, p.client = box, api.New(sandbox.Key, box.URL())
		return nil
	}
	var given credentials
	if err := json.Unmarshal(entry, &given); err != nil {
		return errors.New("credentials.stripe is not an object of strings")
	}
	if err := given.check(); err != nil {
		return err
	}
	p.client = api.New(given.SecretKey, given.APIBase)
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

// run runs one action. Every error is an *sdk.Error.
func (p *plugin) run(ctx context.Context, action action, given json.RawMessage) ([]byte, error) {
	if p.client == nil {
		return nil, sdk.Refuse(sdk.CodeUnavailable, "stripe is not configured")
	}
	params, err := form.Parse(given)
	if err != nil {
		return nil, invalid(err)
	}
	request := &request{client: p.client, params: params, key: sdk.CallFrom(ctx).IdempotencyKey}
	timeout, err := request.options()
	if err != nil {
		return nil, invalid(err)
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	body, err := action.run(ctx, request)
	if err != nil {
		return nil, request.placed(invalid(err))
	}
	return body, nil
}

// invalid makes the error of params that cannot be sent. Another error is
// returned as it is.
func invalid(err error) error {
	var fault *form.Fault
	if !errors.As(err, &fault) {
		return err
	}
	return &sdk.Error{
		Code: sdk.CodeInvalidParams, Outcome: sdk.OutcomeNotExecuted, Message: "stripe: " + fault.Error(),
		Faults: []sdk.Fault{{Pointer: fault.Pointer, Message: fault.Message}},
	}
}

// keyLifetime is how long Stripe keeps an idempotency key at least
// (https://docs.stripe.com/api/idempotent_requests).
const keyLifetime = 24 * time.Hour
