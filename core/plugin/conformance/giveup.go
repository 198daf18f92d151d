package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/backflow/backflow/sdk"
)

// shortTimeout is the timeout that a plugin gets when its deadline is checked: an
// action that takes longer must give up then.
const shortTimeout = time.Millisecond

// checkDeadline gives the plugin a deadline and waits for much longer: the gateway
// itself would have given up, and could not see what the plugin does.
func checkDeadline(ctx context.Context, s *session, v *verdict) {
	subjects := s.repeatable(v)
	skipIfUntried(v, len(subjects), "that may be called again")
	for _, subject := range subjects {
		if !s.ready(ctx, v) {
			return
		}
		deadline := time.Now().Add(shortTimeout + endTime)
		_, err := s.instance.ExecuteWithTimeout(ctx, deadline, shortTimeout, sdk.Call{
			Action: subject.Name, Params: subject.example, IdempotencyKey: subject.key, RequestID: newKey(),
		})
		switch {
		case !time.Now().Before(deadline):
			v.fault("%s: it went on for more than %s after its deadline", subject.Name, endTime)
		case hasEnded(s.instance):
			v.fault("%s: its deadline passed, and it answered %v", subject.Name, s.explain(err))
		}
	}
}

// cancellations is how many calls of each action are cancelled, each cancelStep later
// than the one before, so that they end in many places.
const (
	cancellations = 16
	cancelStep    = 250 * time.Microsecond
)

func checkCancellation(ctx context.Context, s *session, v *verdict) {
	subjects := s.repeatable(v)
	skipIfUntried(v, len(subjects), "that may be called again")
	for _, subject := range subjects {
		if !s.ready(ctx, v) {
			return
		}
		for n := range cancellations {
			call, cancel := context.WithCancel(ctx)
			timer := time.AfterFunc(time.Duration(n)*cancelStep, cancel)
			// The result does not matter, if there still is one.
			_, _ = s.call(call, subject.Name, subject.example, subject.key)
			timer.Stop()
			cancel()
		}
		if fault := s.stillWorks(ctx, subject); fault != "" {
			v.fault("%s: %d calls were given up, and then %s", subject.Name, cancellations, fault)
			subject.works = false
			s.abandon()
		}
	}
}

// stillWorks calls an example that has worked before. It returns what is wrong, "" if
// nothing is.
func (s *session) stillWorks(ctx context.Context, subject *subject) string {
	if hasEnded(s.instance) {
		return fmt.Sprintf("it ended: %s", s.instance.Exit())
	}
	if _, err := s.call(ctx, subject.Name, subject.example, subject.key); err != nil && !isBusy(err) {
		return fmt.Sprintf("the example was answered with %v", err)
	}
	return ""
}
