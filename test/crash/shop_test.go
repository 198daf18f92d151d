package crash

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// How many clients of each kind ask at the same time.
const (
	orderClients   = 6 // start process-order
	actionClients  = 2 // call an action
	webhookClients = 2 // send events
)

// patience is how long a client waits for an answer, before it asks elsewhere.
const patience = 10 * time.Second

// shop has clients that ask gateways for things, each under a key of its own,
// and that ask again with the same key until they know that it was accepted.
type shop struct {
	gateways []*program.Gateway
	stop     chan struct{}
	wg       sync.WaitGroup

	mu sync.Mutex // guards what follows
	// runs and customers are what process-order and the action answered with,
	// by key; events are the ids of those that were received.
	runs, customers map[string]string
	events          []string
	odd             []string // what must not happen
}

// open starts the clients. Gateways may die and come back; their addresses
// stay. Events are sent where there is one gateway only: of two, each has a
// database of its own.
func open(t *testing.T, gateways ...*program.Gateway) *shop {
	s := &shop{gateways: gateways, stop: make(chan struct{}), runs: map[string]string{}, customers: map[string]string{}}
	crowd := func(n int, name string, ask func(client int, key string)) {
		for client := range n {
			s.wg.Go(func() {
				for i := 0; s.pause(30 * time.Millisecond); i++ {
					ask(client, fmt.Sprintf("%s-%d-%d", name, client, i))
				}
			})
		}
	}
	crowd(orderClients, "order", s.order)
	crowd(actionClients, "customer", s.customer)
	if len(gateways) == 1 {
		crowd(webhookClients, "event", s.event)
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

func (s *shop) order(client int, key string) {
	answer, ok := s.insist(client, key, http.StatusAccepted, func() program.Request { return orderRequest(key) })
	s.keep(ok, func() { s.runs[key] = answer.Text("id") })
}

func (s *shop) customer(client int, key string) {
	answer, ok := s.insist(client, key, http.StatusOK, func() program.Request { return customerRequest(key) })
	s.keep(ok, func() { s.customers[key] = answer.Text("id") })
}

func (s *shop) event(client int, key string) {
	body := program.StripeEvent(key, "payment_intent.succeeded", 2000)
	_, ok := s.insist(client, key, http.StatusOK, func() program.Request { return program.StripeDelivery(body, webhookSecret, time.Now()) })
	s.keep(ok, func() { s.events = append(s.events, key) })
}

// insist sends a request until it is accepted, also after the shop has closed:
// whoever asked once wants to know what became of it. Each attempt goes to
// another gateway, where there are several.
func (s *shop) insist(client int, key string, accepted int, request func() program.Request) (program.Answer, bool) {
	deadline := time.Now().Add(2 * time.Minute)
	for attempt := client; time.Now().Before(deadline); attempt++ {
		r := request()
		r.Timeout = patience
		answer, err := s.gateways[attempt%len(s.gateways)].Send(r)
		switch {
		case err != nil: // nobody is there, or was killed under way
		case answer.Status == accepted:
			return answer, true
		case !mayBeRepeated(answer):
			s.note("%s: answered %d %s", key, answer.Status, answer.Body)
			return program.Answer{}, false
		}
		time.Sleep(20 * time.Millisecond) // a client's own backoff
	}
	s.note("%s: not accepted within two minutes", key)
	return program.Answer{}, false
}

// mayBeRepeated reports whether an answer says that the same request may be
// sent again.
func mayBeRepeated(a program.Answer) bool {
	return slices.Contains([]int{
		http.StatusConflict, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}, a.Status)
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
	testkit.Eventually(t, time.Minute, "orders are accepted", func() bool { return s.orders() >= before+orderClients })
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
	testkit.Eventually(t, 2*time.Minute, "run "+id+" has ended", func() bool {
		run = program.Want(t, http.StatusOK, g.Get("/runs/"+id))
		status := run.Text("status")
		return status == "succeeded" || status == "failed"
	})
	return run
}
