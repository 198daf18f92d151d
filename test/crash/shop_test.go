package crash

import (
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/test/program"
)

// clients is how many place orders at the same time.
const clients = 6

// shop places orders, each with a key of its own, and asks again with the same
// key for as long as an order has no answer that accepts it.
type shop struct {
	stop chan struct{}
	wg   sync.WaitGroup

	mu   sync.Mutex        // guards what follows
	runs map[string]string // by key, the run that was accepted
	odd  []string          // what must not happen
}

// open starts the clients. The gateway may die and come back; its address
// stays.
func open(t *testing.T, g *program.Gateway) *shop {
	s := &shop{stop: make(chan struct{}), runs: map[string]string{}}
	for client := range clients {
		s.wg.Go(func() {
			for n := 0; s.pause(30 * time.Millisecond); n++ {
				s.place(g, fmt.Sprintf("client-%d-order-%d", client, n))
			}
		})
	}
	t.Cleanup(s.close)
	return s
}

// pause waits, and answers false once the shop closes.
func (s *shop) pause(d time.Duration) bool {
	select {
	case <-s.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// place sends an order until it is accepted, also after the shop has closed:
// whoever sent an order once wants to know what became of it.
func (s *shop) place(g *program.Gateway, key string) {
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		answer, err := g.Send(program.Request{
			Method: http.MethodPost, Path: "/workflows/process-order/runs",
			Body:   `{"email":"` + key + `@example.com","name":"John Doe","amount":2000}`,
			Header: map[string]string{"Idempotency-Key": key},
		})
		switch {
		case err == nil && answer.Status == http.StatusAccepted && answer.Text("id") != "":
			s.accepted(key, answer.Text("id"))
			return
		case err == nil && answer.Status != http.StatusServiceUnavailable && answer.Status != http.StatusConflict:
			s.note("%s: answered %d %s", key, answer.Status, answer.Body)
			return
		}
		time.Sleep(20 * time.Millisecond) // a client's own backoff
	}
	s.note("%s: not accepted within a minute", key)
}

func (s *shop) accepted(key, run string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[key] = run
}

func (s *shop) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd = append(s.odd, fmt.Sprintf(format, args...))
}

// orders is how many orders were accepted so far.
func (s *shop) orders() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.runs)
}

// close waits until the orders that were sent are accepted. It may be called
// twice.
func (s *shop) close() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.wg.Wait()
}

// wantEachOrderOnce closes the shop and fails the test unless each accepted run
// ends succeeded, with one customer and one payment, and there is nothing else.
func (s *shop) wantEachOrderOnce(t *testing.T, g *program.Gateway, stripe *program.Double) {
	t.Helper()
	s.close()
	for _, odd := range s.odd {
		t.Error(odd)
	}
	if t.Failed() {
		return
	}
	effects := map[string]int{} // by id of what was made
	keys := map[string]int{}
	customers, payments := map[string]bool{}, map[string]bool{}
	for key, id := range s.runs {
		run := s.outcome(t, g, id)
		if again, err := g.Send(program.Request{
			Method: http.MethodPost, Path: "/workflows/process-order/runs",
			Body:   `{"email":"` + key + `@example.com","name":"John Doe","amount":2000}`,
			Header: map[string]string{"Idempotency-Key": key},
		}); err != nil || again.Text("id") != id || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s started %s, and later answers %d %s, %v", key, id, again.Status, again.Body, err)
		}
		customer, payment := run.Text("steps.0.result.id"), run.Text("steps.1.result.id")
		if run.Text("status") != "succeeded" || customer == "" || payment == "" || run.Text("steps.1.result.customer") != customer {
			t.Errorf("%s: %s", key, run.Body)
		}
		customers[customer], payments[payment] = true, true
	}
	made := maps.Clone(customers)
	maps.Copy(made, payments)
	for _, effect := range stripe.Effects() {
		effects[effect.ID]++
		keys[effect.Key]++
		if !made[effect.ID] {
			t.Errorf("%s made %s, which no run knows", effect.Operation, effect.ID)
		}
	}
	for id := range made {
		if effects[id] != 1 {
			t.Errorf("%s took effect %d times", id, effects[id])
		}
	}
	for key, n := range keys {
		if n != 1 || key == "" {
			t.Errorf("the key %q had %d effects", key, n)
		}
	}
	if n := len(s.runs); len(customers) != n || len(payments) != n {
		t.Errorf("%d runs, %d customers, %d payments", n, len(customers), len(payments))
	}
	t.Logf("%d orders", len(s.runs))
}

// outcome waits until a run has ended.
func (s *shop) outcome(t *testing.T, g *program.Gateway, id string) (run program.Answer) {
	t.Helper()
	program.Eventually(t, 2*time.Minute, "run "+id+" has ended", func() bool {
		run = program.Want(t, http.StatusOK, g.Get("/runs/"+id))
		status := run.Text("status")
		return status == "succeeded" || status == "failed"
	})
	return run
}
