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

// patience is how long a client waits for a response before it tries another
// gateway.
const patience = 10 * time.Second

// clients send requests to gateways, each under a key of its own, and repeat them
// with the same key until they know that they were accepted.
type clients struct {
	gateways []*program.Gateway
	stop     chan struct{}
	wg       sync.WaitGroup

	mu sync.Mutex // guards what follows
	// runs and customers are what process-order and the action responded with,
	// by key; events are the ids of those that were received.
	runs, customers map[string]string
	events          []string
	odd             []string // what must not happen
}

// open starts the clients. Gateways may die and come back; their addresses
// stay. Events are sent where there is one gateway only: of two, each has a
// database of its own.
func open(t *testing.T, gateways ...*program.Gateway) *clients {
	c := &clients{gateways: gateways, stop: make(chan struct{}), runs: map[string]string{}, customers: map[string]string{}}
	crowd := func(n int, name string, ask func(client int, key string)) {
		for client := range n {
			c.wg.Go(func() {
				for i := 0; c.pause(30 * time.Millisecond); i++ {
					ask(client, fmt.Sprintf("%s-%d-%d", name, client, i))
				}
			})
		}
	}
	crowd(orderClients, "order", c.order)
	crowd(actionClients, "customer", c.customer)
	if len(gateways) == 1 {
		crowd(webhookClients, "event", c.event)
	}
	t.Cleanup(c.close)
	return c
}

// pause waits, and returns false once the clients stop.
func (c *clients) pause(d time.Duration) bool {
	select {
	case <-c.stop:
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

func (c *clients) order(client int, key string) {
	answer, ok := c.insist(client, key, http.StatusAccepted, func() program.Request { return orderRequest(key) })
	c.keep(ok, func() { c.runs[key] = answer.Text("id") })
}

func (c *clients) customer(client int, key string) {
	answer, ok := c.insist(client, key, http.StatusOK, func() program.Request { return customerRequest(key) })
	c.keep(ok, func() { c.customers[key] = answer.Text("id") })
}

func (c *clients) event(client int, key string) {
	body := program.StripeEvent(key, "payment_intent.succeeded", 2000)
	_, ok := c.insist(client, key, http.StatusOK, func() program.Request { return program.StripeDelivery(body, webhookSecret, time.Now()) })
	c.keep(ok, func() { c.events = append(c.events, key) })
}

// insist sends a request until it is accepted, also after the clients have stopped:
// a request that was sent once may have had an effect. Each attempt goes to
// another gateway, where there are several.
func (c *clients) insist(client int, key string, accepted int, request func() program.Request) (program.Response, bool) {
	deadline := time.Now().Add(2 * time.Minute)
	for attempt := client; time.Now().Before(deadline); attempt++ {
		r := request()
		r.Timeout = patience
		answer, err := c.gateways[attempt%len(c.gateways)].Send(r)
		switch {
		case err != nil: // no gateway listens, or it was killed during the request
		case answer.Status == accepted:
			return answer, true
		case !mayBeRepeated(answer):
			c.note("%s: answered %d %s", key, answer.Status, answer.Body)
			return program.Response{}, false
		}
		time.Sleep(20 * time.Millisecond) // a client's own backoff
	}
	c.note("%s: not accepted within two minutes", key)
	return program.Response{}, false
}

// mayBeRepeated reports whether an answer says that the same request may be
// sent again.
func mayBeRepeated(a program.Response) bool {
	return slices.Contains([]int{
		http.StatusConflict, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}, a.Status)
}

func (c *clients) keep(ok bool, write func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok {
		write()
	}
}

func (c *clients) note(format string, args ...any) {
	c.keep(true, func() { c.odd = append(c.odd, fmt.Sprintf(format, args...)) })
}

// orders is how many orders were accepted so far.
func (c *clients) orders() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.runs)
}

// moreOrders waits until all clients have had orders accepted since.
func (c *clients) moreOrders(t *testing.T) {
	t.Helper()
	before := c.orders()
	testkit.Eventually(t, time.Minute, "orders are accepted", func() bool { return c.orders() >= before+orderClients })
}

// close waits until what was asked for is accepted. It may be called twice.
func (c *clients) close() {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.wg.Wait()
}

// outcome waits until a run has ended.
func outcome(t *testing.T, g *program.Gateway, id string) (run program.Response) {
	t.Helper()
	asked := time.Now()
	testkit.Eventually(t, 2*time.Minute, "run "+id+" has ended", func() bool {
		run = program.Want(t, http.StatusOK, g.Get("/runs/"+id))
		if status := run.Text("status"); status == "succeeded" || status == "failed" {
			return true
		}
		// A quarter of all attempts fail, and the pause doubles after each: a few in a row, and
		// the next one is minutes away.
		if time.Since(asked) > 5*time.Second {
			asked = time.Now()
			g.Post("/runs/"+id+"/retry", `{"now":true}`) // 409 where no step waits for an attempt
		}
		return false
	})
	return run
}
