package plugin

import (
	"context"
	"errors"

	"github.com/backflow/backflow/sdk"
)

// What transports answer for themselves, all in the same words.

// CheckParamsSize refuses params that are larger than any plugin takes. The error is
// an *sdk.Error.
func CheckParamsSize(params []byte) error {
	if len(params) <= sdk.MaxBodySize {
		return nil
	}
	return sdk.Refuse(sdk.CodeInvalidParams, "the params have %d bytes, more than the %d that a plugin takes", len(params), sdk.MaxBodySize)
}

// TimeoutError is the error of an operation that its caller did not wait for.
func TimeoutError(ctx context.Context, operation string) *sdk.Error {
	message := "no answer to " + operation + " in time"
	if errors.Is(ctx.Err(), context.Canceled) {
		message = operation + " was cancelled"
	}
	return &sdk.Error{Code: sdk.CodeTimeout, Message: message, Retryable: true, Outcome: sdk.OutcomeUnknown}
}
