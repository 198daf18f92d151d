package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/sdk"
)

// Errors that all transports return in the same words.

// CheckParamsSize refuses params that are larger than any plugin takes. The error
// is an *sdk.Error.
func CheckParamsSize(params []byte) error {
	if len(params) <= sdk.MaxBodySize {
		return nil
	}
	return sdk.Refuse(sdk.CodeInvalidParams, "the params have %d bytes, more than the %d that a plugin takes", len(params), sdk.MaxBodySize)
}

// TimeoutError is the error of an operation that was abandoned because ctx ended
// or the operation's deadline passed.
func TimeoutError(ctx context.Context, operation string) *sdk.Error {
	message := "no answer to " + operation + " in time"
	if errors.Is(ctx.Err(), context.Canceled) {
		message = operation + " was cancelled"
	}
	return &sdk.Error{Code: sdk.CodeTimeout, Message: message, Retryable: true, Outcome: sdk.OutcomeUnknown}
}

// VersionMismatch is the Permanent error of a plugin that speaks another version of
// a protocol than the gateway. It says what to do about it.
func VersionMismatch(protocol string, theirs, ours int) error {
	advice := fmt.Sprintf("the plugin is too old: build it with the SDK of this gateway, or use a version of it that speaks %d", ours)
	if theirs > ours {
		advice = fmt.Sprintf("the gateway is too old for it: update Backflow, or use a version of the plugin that speaks %d", ours)
	}
	return Permanent(fmt.Errorf("the plugin speaks version %d of the %s, this gateway version %d; %s", theirs, protocol, ours, advice))
}
