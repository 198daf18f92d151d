package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

var _ plugin.Prober = (*instance)(nil)

// Probe has a guest that rests answer the manifest, the cheapest call there is;
// what it answers does not matter. Where every guest is busy none is asked: calls
// have deadlines of their own, and a slow one is no sign of a plugin that hangs.
func (i *instance) Probe(ctx context.Context) error {
	if len(i.pool.slots) == cap(i.pool.slots) {
		return nil
	}
	_, err := i.Manifest(ctx)
	var told *sdk.Error
	if ctx.Err() == nil || errors.As(err, &told) && told.Outcome == sdk.OutcomeNotExecuted {
		return nil // it was answered, or all guests got busy before it was asked
	}
	return fmt.Errorf("probe: %w", ctx.Err())
}
