package crash

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/test/program"
)

// How many clients of each kind ask at the same time.
const (
	orderClients   = 6 // start process-order
	actionClients  = 2 // call an action
	webhookClients = 2 // send events
)

// shop has clients that ask a gateway for things, each under a key of its own,
// and that ask again with the same key until they know that it was accepted.
type shop struct {
	stop chan struct{}
	wg   sync.WaitGroup

	mu sync.Mutex // guards what follows
	// runs and customers are what process-order and the action answered with,
	// by key; events are the ids of those that were received.
	runs, customers map[string]string
	events          []string
	odd             []string // what must not happen
}

// open starts the clients. The gateway may die and come back; its address
// stays.
func open(t *testing.T, g *program.Gateway) *shop {
	s := &shop{stop: make(chan struct{}), runs: map[string]string{}, customers: map[string]string{}}
	crowd := func(n int, name string, ask func(key string)) {
		for client := range n {
			s.wg.Go(func() {
				for i := 0; s.pause(30 * time.Millisecond); i++ {
					ask(fmt.Sprintf("%s-%d-%d", name, client, i))
				}
			})
		}
	}
	crowd(orderClients, "order", func(key string) { s.order(g, key) })
	crowd(actionClients, "customer", func(key string) { s.customer(g, key) })
	crowd(webhookClients, "event", func(key string) { s.event(g, key) })
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

// orderRequest starts process-order.
func orderRequest(key string) program.Request {
	return program.Request{
		Method: http.MethodPost, Path: "/workflows/process-order/runs",
		Body:   `{"email":"` + key + `@example.com","name":"John Doe","amount":2000}`,
		Header: map[string]string{"Idempotency-Key": key},
	}
}

// customerRequest calls an action.
func customerRequest(key string) program.Request {
	return program.Request{
		Method: http.MethodPost, Path: "/integrations/stripe/customers",
		Body:   `{"email":"` + key + `@example.com"}`,
		Header: map[string]string{"Idempotency-Key": key},
	}
}

func (s *shop) order(g *program.Gateway, key string) {
	answer, ok := s.insist(g, key, http.StatusAccepted, func() program.Request { return orderRequest(key) })
	s.keep(ok, func() { s.runs[key] = answer.Text("id") })
}

func (s *shop) customer(g *program.Gateway, key string) {
	answer, ok := s.insist(g, key, http.StatusOK, func() program.Request { return customerRequest(key) })
	s.keep(ok, func() { s.customers[key] = answer.Text("id") })
}

func (s *shop) event(g *program.Gateway, key string) {
	body := program.StripeEvent(key, "payment_intent.succeeded", 2000)
	_, ok := s.insist(g, key, http.StatusOK, func() program.Request { return program.StripeDelivery(body, webhookSecret, time.Now()) })
	s.keep(ok, func() { s.events = append(s.events, key) })
}

// insist sends a request until it is accepted, also after the shop has closed:
// whoever asked once wants to know what became of it. Between the attempts it
// waits only where nobody answers.
func (s *shop) insist(g *program.Gateway, key string, accepted int, request func() program.Request) (program.Answer, bool) {
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		answer, err := g.Send(request())
		switch {
		case err != nil: // nobody is there, or was killed under way
		case answer.Status == accepted:
			return answer, true
		case !slices.Contains([]int{http.StatusConflict, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, answer.Status):
			s.note("%s: answered %d %s", key, answer.Status, answer.Body)
			return program.Answer{}, false
		}
		time.Sleep(20 * time.Millisecond) // a client's own backoff
	}
	s.note("%s: not accepted within a minute", key)
	return program.Answer{}, false
}

func (s *shop) keep(ok bool, write func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok {
		write()
	}
}

func (s *shop) note(format string, args ...any) {
	s.keep(true, func() { s.odd = append(s.odd, fmt.Sprintf(format, args...)) })
}

// orders is how many orders were accepted so far.
func (s *shop) orders() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.runs)
}

// moreOrders waits until all clients have had orders accepted since.
func (s *shop) moreOrders(t *testing.T) {
	t.Helper()
	before := s.orders()
	program.Eventually(t, time.Minute, "orders are accepted", func() bool { return s.orders() >= before+orderClients })
}

// close waits until what was asked for is accepted. It may be called twice.
func (s *shop) close() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.wg.Wait()
}

// outcome waits until a run has ended.
func outcome(t *testing.T, g *program.Gateway, id string) (run program.Answer) {
	t.Helper()
	program.Eventually(t, 2*time.Minute, "run "+id+" has ended", func() bool {
		run = program.Want(t, http.StatusOK, g.Get("/runs/"+id))
		status := run.Text("status")
		return status == "succeeded" || status == "failed"
	})
	return run
}
