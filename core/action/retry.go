package action

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/sdk"
)

// The retry of a call that an HTTP request waits for: short, since a client
// waits, and bounded, since a struggling vendor must not be struck harder.
const (
	callAttempts = 3
	callMaxWait  = time.Second // a vendor that asks for more is not asked again
)

var callWait = backoff.Exponential{First: 100 * time.Millisecond, Factor: 3}

// Call is Execute for callers that wait, such as an HTTP request: a failed call
// is repeated twice at most, where its error says that it may help and where
// it does no harm: the effect did not take place, or the action reads, or it
// honours the key. The error is *sdk.Error.
func (a *Action) Call(ctx context.Context, call Call) (sdk.Result, error) {
	if err := a.Check(call.Params); err != nil {
		return sdk.Result{}, err
	}
	unknown := false // whether an attempt had an unknown outcome
	for attempt := 1; ; attempt++ {
		result, err := a.execute(ctx, call)
		if err == nil {
			return result, nil
		}
		var failed *sdk.Error
		if !errors.As(err, &failed) {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeInternal, Message: err.Error(), Outcome: sdk.OutcomeUnknown}
		}
		unknown = unknown || (failed.Outcome != sdk.OutcomeNotExecuted && !failed.Final)
		wait := max(jitter(callWait.After(attempt)), failed.RetryAfter)
		if attempt == callAttempts || !a.mayRepeat(call, failed, unknown) || wait > callMaxWait || !pause(ctx, wait) {
			return sdk.Result{}, settle(failed, unknown)
		}
	}
}

// mayRepeat reports whether the same call may be sent again after this error.
func (a *Action) mayRepeat(call Call, failed *sdk.Error, unknown bool) bool {
	if !failed.Retryable || failed.Final {
		return false
	}
	if !unknown {
		return true
	}
	keyed := a.spec.Repeat == sdk.RepeatNative || a.spec.Repeat == sdk.RepeatTransactional
	if a.spec.Writes && keyed && call.IdempotencyKey == "" {
		return false
	}
	return a.spec.SafeToRepeat()
}

// settle keeps an earlier unknown outcome known to be unknown, when the last
// attempt alone was not executed. A final error is about the key, and so about
// the earlier attempt too.
func settle(last *sdk.Error, unknown bool) *sdk.Error {
	if !unknown || last.Final || last.Outcome != sdk.OutcomeNotExecuted {
		return last
	}
	settled := *last
	settled.Outcome = sdk.OutcomeUnknown
	return &settled
}

// jitter draws from the upper half of a wait, so that callers who failed
// together do not come back together.
func jitter(wait time.Duration) time.Duration { return wait/2 + rand.N(wait/2+1) }

// pause waits. It returns false if the context ends, or would end meanwhile.
func pause(ctx context.Context, wait time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	return backoff.Sleep(ctx, wait) == nil
}
