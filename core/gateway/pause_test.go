package gateway

import (
	"context"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// busyOnce makes the first call of an amount fail: it may come again after a time.
func (s *fakeIntegration) busyOnce(retryAfter time.Duration) {
	seen := map[string]bool{}
	s.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if seen[string(call.Params)] {
			return sdk.Result{Body: []byte(`{"id":"pay_1"}`)}, nil
		}
		seen[string(call.Params)] = true
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeRateLimited, Message: "later", Retryable: true, RetryAfter: retryAfter, Outcome: sdk.OutcomeNotExecuted}
	})
}

type sent struct {
	status int
	body   string
	err    error
}

func (l *listening) pay(amount string) <-chan sent {
	done := make(chan sent, 1)
	go func() {
		status, body, err := l.do("POST", paymentsPath, `{"amount":`+amount+`}`)
		done <- sent{status, body, err}
	}()
	return done
}

func (l *listening) untilOneWaits(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, "the request waits without a place", func() bool { return l.waiting.inUse() == 1 && l.working.inUse() == 0 })
}

func TestARequestHoldsNoPlaceWhileItWaitsForABusyVendor(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxConcurrent, o.Limits.MaxWaiting = 1, 1 })
	l.integration.busyOnce(2 * time.Second)
	first := l.pay("1")
	l.untilOneWaits(t)
	if status, body, err := l.do("GET", "/runs", ""); status != 200 {
		t.Errorf("another request: %d %s, %v", status, body, err)
	}
	// There is room for one that waits: a second one has its response at once.
	if got := <-l.pay("2"); got.status != 429 {
		t.Errorf("a second one: %+v", got)
	}
	if got := <-first; got.status != 200 || got.body != `{"id":"pay_1"}` {
		t.Errorf("the first one: %+v", got)
	}
	if calls := l.integration.called(); len(calls) != 3 || calls[0].IdempotencyKey != calls[2].IdempotencyKey || calls[0].IdempotencyKey == "" {
		t.Errorf("calls %+v", calls)
	}
	if l.waiting.inUse()+l.working.inUse() != 0 {
		t.Error("a place is held still")
	}
}

func TestARequestThatWaitsForABusyVendorEndsWithTheGateway(t *testing.T) {
	t.Parallel()
	l := listen(t)
	l.integration.busyOnce(20 * time.Second)
	first := l.pay("1")
	l.untilOneWaits(t)
	l.stop()
	if got := <-first; got.status != 429 {
		t.Errorf("%+v", got)
	}
}
