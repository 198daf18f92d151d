package action

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/sdk"
)

// The retry of a call that an HTTP request waits for: short, since a client waits, and
// bounded, since a struggling vendor must not be struck harder.
const (
	callAttempts = 3
	// callMaxWait bounds what an error may ask to wait: what is down for longer is said
	// at once. A rate limit is no outage, and its end is known: that is waited for.
	callMaxWait = time.Second
)

var callWait = backoff.Exponential{First: 100 * time.Millisecond, Factor: 3}

// Pause waits before a failed call is made again. It returns false where it is not to
// be: there is no time for it, or the caller has no place to wait in. Sleep is one.
type Pause func(ctx context.Context, wait time.Duration) bool

// Call is Execute for callers that wait, such as an HTTP request: a failed call
// is repeated twice at most, where its error says that it may help and where
// it does no harm: the effect did not take place, or the action reads, or it
// honours the key. How long a rate limit asks to wait is waited for, as long as pause
// does; any other error may ask for a second.
// The error is *sdk.Error; its outcome is what is known after all attempts. An action
// that only reads has no effect.
func (a *Action) Call(ctx context.Context, call Call, pause Pause) (sdk.Result, error) {
	if err := a.Check(call.Params); err != nil {
		return sdk.Result{}, err
	}
	treatment := a.For(call.Params)
	outcome := sdk.OutcomeNotExecuted // what is known after the attempts so far
	for attempt := 1; ; attempt++ {
		result, err := a.execute(ctx, call)
		if err == nil {
			return result, nil
		}
		var failed *sdk.Error
		if !errors.As(err, &failed) {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeInternal, Message: err.Error(), Outcome: sdk.OutcomeUnknown}
		}
		if treatment.Writes {
			outcome = failed.OutcomeAfter(outcome, treatment.Keyed())
		}
		wait := max(jitter(callWait.After(attempt)), failed.RetryAfter)
		if failed.Code == sdk.CodeRateLimited {
			// Callers that got the same time do not come back together either.
			wait = failed.RetryAfter + jitter(callWait.After(attempt))
		}
		mayWait := wait <= callMaxWait || failed.Code == sdk.CodeRateLimited
		if attempt == callAttempts || !mayRepeat(treatment, call, failed, outcome) || !mayWait || !pause(ctx, wait) {
			settled := *failed
			settled.Outcome = outcome
			return sdk.Result{}, &settled
		}
	}
}

// mayRepeat reports whether the same call may be sent again after this error, if so
// much is known of its effect.
func mayRepeat(treatment sdk.Treatment, call Call, failed *sdk.Error, outcome sdk.Outcome) bool {
	switch {
	case !failed.Retryable || failed.Final:
		return false
	case outcome == sdk.OutcomeNotExecuted:
		return true
	case treatment.Keyed() && call.IdempotencyKey == "":
		return false
	default:
		return treatment.SafeToRepeat()
	}
}

// jitter draws from the upper half of a wait, so that callers who failed
// together do not come back together.
func jitter(wait time.Duration) time.Duration { return wait/2 + rand.N(wait/2+1) }

// maxSleep bounds a wait of a caller without a deadline.
const maxSleep = time.Second

// Sleep waits. It returns false if the context ends, or would end meanwhile, and where
// it has no deadline for a wait of more than a second.
func Sleep(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	if ok && time.Until(deadline) <= wait || !ok && wait > maxSleep {
		return false
	}
	return backoff.Sleep(ctx, wait) == nil
}
