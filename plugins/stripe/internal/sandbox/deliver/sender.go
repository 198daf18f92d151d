package deliver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
	"github.com/backflow/backflow/plugins/stripe/internal/signature"
)

// sender sends to one target, one event after the other.
type sender struct {
	*Deliverer
	target string
	woken  chan struct{}
	// down is when a target that cannot be reached is tried again, and tries how often
	// it could not be in a row.
	down  time.Time
	tries int
}

func (s *sender) wake() {
	select {
	case s.woken <- struct{}{}:
	default: // it is awake already
	}
}

// run sends until nothing is left to send.
func (s *sender) run() {
	for s.ctx.Err() == nil {
		now := s.clock.Now()
		if now.Before(s.down) {
			// New events change nothing for a target that is down.
			s.clock.Wait(s.ctx, s.down, nil)
			continue
		}
		delivery, target, found, err := s.next(now)
		switch {
		case err != nil:
			if s.ctx.Err() == nil {
				s.log.Error("the Stripe sandbox cannot read its events", "error", err)
			}
			s.down = now.Add(longestWait)
		case !found:
			if s.finish() {
				return
			}
		case delivery.At > now.UnixMilli():
			s.clock.Wait(s.ctx, time.UnixMilli(delivery.At), s.woken)
		default:
			s.attempt(delivery, target)
		}
	}
}

// next reads what is to be sent next. What is on its way to a target that is there no
// more is dropped.
func (s *sender) next(now time.Time) (delivery store.Delivery, target Target, found bool, err error) {
	tx, err := s.state.Begin(s.ctx)
	if err != nil {
		return store.Delivery{}, Target{}, false, err
	}
	defer tx.Rollback()
	delivery, found = tx.NextDelivery(s.target, now.UnixMilli())
	if found {
		var known bool
		if target, known = s.fixed[s.target]; !known {
			target, known = s.find(tx, s.target)
		}
		if !known {
			tx.StopTarget(s.target)
			return store.Delivery{}, Target{}, false, tx.Commit()
		}
	}
	return delivery, target, found, tx.Err()
}

// finish takes the sender off the list, unless it was woken meanwhile.
func (s *sender) finish() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.woken:
		return false
	default:
		delete(s.senders, s.target)
		return true
	}
}

// attempt sends an event once and records what came of it.
func (s *sender) attempt(delivery store.Delivery, target Target) {
	status, err := s.post(delivery, target)
	if s.ctx.Err() != nil {
		return
	}
	now := s.clock.Now()
	taken := err == nil && status >= 200 && status < 300
	old := now.Sub(time.UnixMilli(delivery.Since)) > giveUpAfter
	switch {
	case taken:
		s.tries = 0
	case old:
		s.log.Warn("the Stripe sandbox gives up on an event", "event", delivery.Event, "target", target.Name, "status", status, "error", err)
	case err != nil:
		s.down = now.Add(pause(s.tries))
		if s.tries++; s.tries == 1 {
			s.log.Warn("the Stripe sandbox cannot reach a webhook, and keeps trying", "target", target.Name, "error", err)
		}
		return
	}
	tx, err := s.state.Begin(s.ctx)
	if err == nil {
		defer tx.Rollback()
		if taken || old {
			tx.Delivered(delivery)
		} else {
			s.tries = 0
			tx.Retry(delivery, now.Add(pause(delivery.Attempt)).UnixMilli())
		}
		err = tx.Commit()
	}
	if err != nil && s.ctx.Err() == nil {
		s.log.Error("the Stripe sandbox cannot record that an event was sent", "event", delivery.Event, "error", err)
		s.down = now.Add(longestWait)
	}
}

// pause is how long to wait after so many tries.
func pause(tries int) time.Duration {
	wait := firstWait
	for range tries {
		if wait *= 2; wait >= longestWait {
			return longestWait
		}
	}
	return wait
}

// post sends an event. It is signed with the time of the machine, whatever time the
// sandbox shows, since a receiver compares it with its own.
func (s *sender) post(delivery store.Delivery, target Target) (status int, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, sendTimeout)
	defer cancel()
	body := s.locate(delivery.Body)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	request.Header.Set(signature.Header, signature.Sign(body, target.Secret, s.clock.Now()))
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	const enough = 64 << 10
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, enough))
	return response.StatusCode, errors.Join(err, response.Body.Close())
}
