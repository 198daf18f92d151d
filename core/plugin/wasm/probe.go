package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

var _ plugin.Prober = (*instance)(nil)

// Probe asks an idle guest for the manifest, which is the cheapest call. The response
// does not matter. If every guest is busy, none is asked: calls have deadlines of
// their own, and a slow call does not mean that the plugin hangs.
func (i *instance) Probe(ctx context.Context) error {
	if len(i.pool.slots) == cap(i.pool.slots) {
		return nil
	}
	_, err := i.Manifest(ctx)
	var failure *sdk.Error
	if ctx.Err() == nil || errors.As(err, &failure) && failure.Outcome == sdk.OutcomeNotExecuted {
		return nil // it responded, or all guests became busy before one was asked
	}
	return fmt.Errorf("probe: %w", ctx.Err())
}
