package action_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// script returns an action of that kind whose calls return the errors given, in
// turn (nil is success), and the calls that came, with the time since before.
func script(t *testing.T, spec sdk.ActionSpec, errs ...error) (*action.Action, *[]attempt) {
	t.Helper()
	spec.Name, spec.Params = "pay", []byte(`{"type":"object"}`)
	registry, shop := registryOf(t, spec)
	var attempts []attempt
	last := time.Now()
	shop.execute = func(_ context.Context, call action.Call) (sdk.Result, error) {
		attempts = append(attempts, attempt{call, time.Since(last)})
		last = time.Now()
		if len(attempts) > len(errs) {
			t.Fatalf("attempt %d was not expected", len(attempts))
		}
		if err := errs[len(attempts)-1]; err != nil {
			return sdk.Result{}, err
		}
		return sdk.Result{Body: []byte(`{"id": 1.50}`)}, nil
	}
	return find(t, registry, "pay"), &attempts
}

type attempt struct {
	call  action.Call
	after time.Duration
}

var keyed = action.Call{Params: document(`{}`), IdempotencyKey: "k", RequestID: "r"}

// failure returns an error with the outcome of an attempt.
func failure(outcome sdk.Outcome, retryable, final bool) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeUpstream, Message: "no", Outcome: outcome, Retryable: retryable, Final: final}
}

func TestCallRepeatsOnlyWhereItHelpsAndDoesNoHarm(t *testing.T) {
	anything := sdk.ActionSpec{Writes: true, Repeat: sdk.RepeatNone, Variants: []sdk.Variant{
		{Param: "do", Pattern: "get.*"}, {Param: "do", Pattern: "post.*", Writes: true, Repeat: sdk.RepeatNative},
		{Param: "do", Pattern: "delete.*", Writes: true, Repeat: sdk.RepeatIdempotent},
	}}
	do := func(what string) action.Call {
		call := keyed
		call.Params = document(`{"do":"` + what + `"}`)
		return call
	}
	kinds := []struct {
		name            string
		spec            sdk.ActionSpec
		call            action.Call
		safe, safeNoKey bool // after an unknown outcome, with and without a key
	}{
		{"reads", sdk.ActionSpec{}, keyed, true, true},
		{"none", sdk.ActionSpec{Writes: true, Repeat: sdk.RepeatNone}, keyed, false, false},
		{"not declared", sdk.ActionSpec{Writes: true}, keyed, false, false},
		{"idempotent", sdk.ActionSpec{Writes: true, Repeat: sdk.RepeatIdempotent}, keyed, true, true},
		{"native", sdk.ActionSpec{Writes: true, Repeat: sdk.RepeatNative}, keyed, true, false},
		{"transactional", sdk.ActionSpec{Writes: true, Repeat: sdk.RepeatTransactional}, keyed, true, false},
		{"reads by its params", anything, do("getThing"), true, true},
		{"native by its params", anything, do("postThing"), true, false},
		{"idempotent by its params", anything, do("deleteThing"), true, true},
		{"none by its params", anything, do("mail"), false, false},
	}
	for _, kind := range kinds {
		for _, outcome := range []sdk.Outcome{sdk.OutcomeNotExecuted, sdk.OutcomeUnknown, sdk.OutcomeExecuted, ""} {
			for _, key := range []string{"k", ""} {
				for flags := range 4 {
					retryable, final := flags&1 != 0, flags&2 != 0
					name := fmt.Sprintf("%s/outcome=%s/key=%s/retryable=%t/final=%t", kind.name, outcome, key, retryable, final)
					t.Run(name, func(t *testing.T) {
						safe := kind.safe
						if key == "" {
							safe = kind.safeNoKey
						}
						want := 1
						if retryable && !final && (outcome == sdk.OutcomeNotExecuted || safe) {
							want = 3
						}
						synctest.Test(t, func(t *testing.T) {
							failed := failure(outcome, retryable, final)
							a, attempts := script(t, kind.spec, failed, failed, failed)
							call := kind.call
							call.IdempotencyKey = key
							_, err := a.Call(t.Context(), call, action.Sleep)
							if !errors.Is(err, failed) {
								t.Errorf("error is %v", err)
							}
							if len(*attempts) != want {
								t.Errorf("%d attempts, want %d", len(*attempts), want)
							}
						})
					})
				}
			}
		}
	}
}

func TestEachAttemptIsTheSameCallAndWaitsLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		again := failure(sdk.OutcomeUnknown, true, false)
		a, attempts := script(t, sdk.ActionSpec{Writes: true, Repeat: sdk.RepeatNative}, again, again, nil)
		result, err := a.Call(t.Context(), keyed, action.Sleep)
		if err != nil || string(result.Body) != `{"id": 1.50}` {
			t.Fatalf("result is %s, %v", result.Body, err)
		}
		waits := []struct{ least, most time.Duration }{{0, 0}, {50 * time.Millisecond, 100 * time.Millisecond}, {150 * time.Millisecond, 300 * time.Millisecond}}
		if len(*attempts) != len(waits) {
			t.Fatalf("%d attempts, want %d", len(*attempts), len(waits))
		}
		for i, attempt := range *attempts {
			if c := attempt.call; c.IdempotencyKey != "k" || c.RequestID != "r" || c.Action != "pay" || string(c.Params.Raw()) != `{}` {
				t.Errorf("attempt %d is %+v", i+1, c)
			}
			if attempt.after < waits[i].least || attempt.after > waits[i].most {
				t.Errorf("attempt %d came after %v, want %v to %v", i+1, attempt.after, waits[i].least, waits[i].most)
			}
		}
	})
}

func TestARetryAfterIsWaitedForWithinTheDeadline(t *testing.T) {
	const deadline = 30 * time.Second
	for _, test := range []struct {
		code       sdk.Code
		retryAfter time.Duration
		without    bool // a deadline
		want       int  // attempts
	}{
		{sdk.CodeRateLimited, time.Millisecond, false, 2}, {sdk.CodeRateLimited, time.Second, false, 2}, {sdk.CodeRateLimited, 20 * time.Second, false, 2},
		{sdk.CodeRateLimited, deadline, false, 1}, {sdk.CodeRateLimited, time.Hour, false, 1},
		{sdk.CodeRateLimited, time.Millisecond, true, 2}, {sdk.CodeRateLimited, time.Second, true, 1}, {sdk.CodeRateLimited, time.Hour, true, 1},
		// An outage is said at once.
		{sdk.CodeUnavailable, time.Second, false, 2}, {sdk.CodeUnavailable, 1001 * time.Millisecond, false, 1}, {sdk.CodeUpstream, 20 * time.Second, false, 1}, {sdk.CodeConflict, time.Hour, false, 1},
	} {
		t.Run(fmt.Sprintf("%s/%s/without=%t", test.code, test.retryAfter, test.without), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if !test.without {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, deadline)
					defer cancel()
				}
				busy := failure(sdk.OutcomeNotExecuted, true, false)
				busy.Code, busy.RetryAfter = test.code, test.retryAfter
				a, attempts := script(t, sdk.ActionSpec{Writes: true}, busy, nil)
				begin := time.Now()
				_, err := a.Call(ctx, keyed, action.Sleep)
				if len(*attempts) != test.want {
					t.Fatalf("%d attempts, want %d", len(*attempts), test.want)
				}
				if test.want == 1 {
					var failed *sdk.Error
					if !errors.As(err, &failed) || failed.RetryAfter != test.retryAfter || time.Since(begin) != 0 {
						t.Errorf("error is %+v after %v", failed, time.Since(begin))
					}
				} else if waited := (*attempts)[1].after; err != nil || waited < test.retryAfter || waited > test.retryAfter+callWaitMost {
					t.Errorf("error is %v; waited for %v, want %v at least", err, waited, test.retryAfter)
				}
			})
		})
	}
}

// callWaitMost is the longest wait before a first repeat where the error asks for none.
const callWaitMost = 100 * time.Millisecond

func TestACallIsNotRepeatedWhereItsCallerDoesNotWait(t *testing.T) {
	busy := failure(sdk.OutcomeNotExecuted, true, false)
	busy.Code, busy.RetryAfter = sdk.CodeRateLimited, 7*time.Second
	a, attempts := script(t, sdk.ActionSpec{Writes: true}, busy)
	var asked []time.Duration
	_, err := a.Call(t.Context(), keyed, func(_ context.Context, wait time.Duration) bool {
		asked = append(asked, wait)
		return false
	})
	if !errors.Is(err, busy) || len(*attempts) != 1 || len(asked) != 1 || asked[0] < busy.RetryAfter {
		t.Errorf("%d attempts, waits %v, %v", len(*attempts), asked, err)
	}
}

func TestALongRetryAfterOfOneAttemptDoesNotStopTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		busy := failure(sdk.OutcomeNotExecuted, true, false)
		busy.Code, busy.RetryAfter = sdk.CodeRateLimited, 10*time.Second
		a, attempts := script(t, sdk.ActionSpec{Writes: true}, busy, failure(sdk.OutcomeNotExecuted, true, false), nil)
		if _, err := a.Call(ctx, keyed, action.Sleep); err != nil || len(*attempts) != 3 {
			t.Errorf("%d attempts, %v", len(*attempts), err)
		}
	})
}

func TestCallDoesNotWaitBeyondItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		busy := failure(sdk.OutcomeNotExecuted, true, false)
		a, attempts := script(t, sdk.ActionSpec{}, busy)
		begin := time.Now()
		if _, err := a.Call(ctx, keyed, action.Sleep); !errors.Is(err, busy) {
			t.Errorf("error is %v", err)
		}
		if len(*attempts) != 1 || time.Since(begin) != 0 {
			t.Errorf("%d attempts in %v, want one at once", len(*attempts), time.Since(begin))
		}
	})
}

func TestACallerWhoGivesUpEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		busy := failure(sdk.OutcomeNotExecuted, true, false)
		a, attempts := script(t, sdk.ActionSpec{}, busy)
		begin := time.Now()
		if _, err := a.Call(ctx, keyed, action.Sleep); !errors.Is(err, busy) {
			t.Errorf("error is %v", err)
		}
		if took := time.Since(begin); len(*attempts) != 1 || took != 10*time.Millisecond {
			t.Errorf("%d attempts in %v, want one in 10ms", len(*attempts), took)
		}
	})
}

func TestAnEarlierUnknownOutcomeStaysUnknownUntilAFinalAnswer(t *testing.T) {
	unknown := failure(sdk.OutcomeUnknown, true, false)
	tests := map[string]struct {
		last *sdk.Error
		want sdk.Outcome
	}{
		"not executed":        {failure(sdk.OutcomeNotExecuted, false, false), sdk.OutcomeUnknown},
		"declined by the key": {failure(sdk.OutcomeNotExecuted, false, true), sdk.OutcomeNotExecuted},
		"unknown":             {failure(sdk.OutcomeUnknown, false, false), sdk.OutcomeUnknown},
		"a failure for ever":  {failure(sdk.OutcomeUnknown, false, true), sdk.OutcomeUnknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := *test.last
				a, _ := script(t, sdk.ActionSpec{Writes: true, Repeat: sdk.RepeatNative}, unknown, test.last)
				_, err := a.Call(t.Context(), keyed, action.Sleep)
				var failed *sdk.Error
				if !errors.As(err, &failed) || failed.Outcome != test.want {
					t.Errorf("error is %+v, want outcome %s", err, test.want)
				}
				if test.last.Outcome != before.Outcome {
					t.Error("the integration's error was changed")
				}
			})
		})
	}
}

func TestAnEffectThatStandsStaysSo(t *testing.T) {
	cutOff := failure(sdk.OutcomeExecuted, true, false)
	for name, last := range map[string]*sdk.Error{
		"refused":   failure(sdk.OutcomeNotExecuted, false, true),
		"unknown":   failure(sdk.OutcomeUnknown, false, false),
		"once more": cutOff,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := script(t, sdk.ActionSpec{Writes: true, Repeat: sdk.RepeatNative}, cutOff, last, last)
				var failed *sdk.Error
				if _, err := a.Call(t.Context(), keyed, action.Sleep); !errors.As(err, &failed) || failed.Outcome != sdk.OutcomeExecuted {
					t.Errorf("error is %+v", err)
				}
			})
		})
	}
}

func TestWhatOnlyReadsHasNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := failure(sdk.OutcomeUnknown, true, false)
		a, _ := script(t, sdk.ActionSpec{}, lost, lost, lost)
		var failed *sdk.Error
		if _, err := a.Call(t.Context(), keyed, action.Sleep); !errors.As(err, &failed) || failed.Outcome != sdk.OutcomeNotExecuted {
			t.Errorf("error is %+v", err)
		}
	})
}

func TestAnUnknownOutcomeForbidsARepeatForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, attempts := script(t, sdk.ActionSpec{Writes: true}, failure(sdk.OutcomeNotExecuted, true, false), failure(sdk.OutcomeUnknown, true, false))
		if _, err := a.Call(t.Context(), keyed, action.Sleep); err == nil {
			t.Error("no error")
		}
		if len(*attempts) != 2 {
			t.Errorf("%d attempts, want 2", len(*attempts))
		}
	})
}

func TestAnErrorOfAnotherTypeSaysNothingOfTheOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := script(t, sdk.ActionSpec{}, errors.New("broken"))
		_, err := a.Call(t.Context(), keyed, action.Sleep)
		var failed *sdk.Error
		if !errors.As(err, &failed) || failed.Code != sdk.CodeInternal || failed.Outcome != sdk.OutcomeUnknown {
			t.Errorf("error is %+v", err)
		}
	})
}

func TestExecuteCallsOnce(t *testing.T) {
	again := failure(sdk.OutcomeNotExecuted, true, false)
	a, attempts := script(t, sdk.ActionSpec{}, again)
	if _, err := a.Execute(t.Context(), keyed); !errors.Is(err, again) {
		t.Errorf("error is %v", err)
	}
	if len(*attempts) != 1 || (*attempts)[0].call.Action != "pay" || (*attempts)[0].call.IdempotencyKey != "k" {
		t.Errorf("attempts are %+v", *attempts)
	}
}

func TestInvalidParamsNeverReachTheIntegration(t *testing.T) {
	a := pay(t) // fails the test when it is called
	call := action.Call{Params: document(`{"amount":-5,"currency":"usd"}`)}
	_, err := a.Execute(t.Context(), call)
	wantError(t, err, sdk.CodeInvalidParams)
	_, err = a.Call(t.Context(), call, action.Sleep)
	wantError(t, err, sdk.CodeInvalidParams)
}
