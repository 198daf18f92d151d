// Package stripedouble is a small stateful double of Stripe, for tests that
// stripe-mock cannot serve because it keeps nothing.
//
// It is honest about idempotency (https://docs.stripe.com/api/idempotent_requests):
// a POST with a known key and the same parameters answers what it answered
// before, marked Idempotent-Replayed, declines and errors of the server
// included, and has no second effect; with other parameters it is refused
// (idempotency_error), while the first is under way it is a conflict
// (idempotency_key_in_use), and a refusal of the parameters is not kept. Keys
// live for 24 hours and belong to one secret key and account. DELETE takes no
// key.
//
// It keeps customers, payment intents, subscriptions and webhook endpoints, counts effects, and
// fails as it is configured: see Fault and Chance.
//
// It leaves out: checking of parameters beyond the required ones and the
// amount (stripe-mock does that), every other object and operation, confirming
// payments (a decline comes when the intent is created), lists, expansion, the
// passing of billing periods, the sending of webhooks, and rate limits of its own.
package stripedouble

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// DeclinedCustomer exists always; a payment by it is declined.
	DeclinedCustomer = "cus_declined"
	// DeclinedAmount is an amount that is declined for anybody.
	DeclinedAmount = 40002
)

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// Double is the double: an http.Handler, safe for concurrent use. Its zero
// value is not usable.
type Double struct {
	now  func() time.Time
	base map[string]json.RawMessage

	mu sync.Mutex // guards everything below
	// objects are by id.
	objects  map[string]object
	keys     map[string]*record
	effects  []Effect
	requests int
	serial   int
	faults   faults
}

// Options change a double.
type Options struct {
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Customers are ids of customers that exist from the start.
	Customers []string
}

// Effect is one change that took place.
type Effect struct {
	// Key is the Idempotency-Key of the request, also of a DELETE, where it
	// has no meaning.
	Key string `json:"key"`
	// Operation is method and path, ids in the path included.
	Operation string `json:"operation"`
	// ID is that of the object that was created or changed.
	ID string `json:"id"`
}

// New returns a double.
func New(options Options) (*Double, error) {
	base, err := fixtures()
	if err != nil {
		return nil, fmt.Errorf("stripedouble: %w", err)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	d := &Double{now: options.Now, base: base, objects: map[string]object{}, keys: map[string]*record{}}
	for _, id := range append([]string{DeclinedCustomer}, options.Customers...) {
		if _, err := d.put("customer", id, object{}); err != nil {
			return nil, fmt.Errorf("stripedouble: %w", err)
		}
	}
	return d, nil
}

// Effects returns the effects so far, oldest first.
func (d *Double) Effects() []Effect {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Effect{}, d.effects...)
}

// Requests returns how many requests to /v1 came, refused and cut ones included.
func (d *Double) Requests() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.requests
}

// ServeHTTP answers Stripe's paths below /v1 and the double's own below /_double.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_double/") {
		d.control(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		cut(w)
		return
	}
	d.mu.Lock()
	d.requests++
	requestID := fmt.Sprintf("req_double%06d", d.requests)
	fault := d.faults.next(r.Method+" "+r.URL.Path, string(body))
	d.mu.Unlock()

	w.Header().Set("Request-Id", requestID)
	w.Header().Set("Stripe-Version", r.Header.Get("Stripe-Version"))
	switch fault.Kind {
	case CutBefore:
		cut(w)
		return
	case HTML502:
		page502(w)
		return
	case RateLimit:
		if fault.RetryAfter > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(fault.RetryAfter))
		}
		tooMany().write(w)
		return
	case Answer:
		fault.write(w)
		return
	}
	call, refused := newCall(r, body)
	if refused != nil {
		refused.write(w)
		return
	}
	res := d.once(call, fault)
	fault.wait(SlowAnswer)
	switch fault.Kind {
	case CutAfter:
		cut(w)
	case HTML502After:
		page502(w)
	case AnswerAfter:
		fault.write(w)
	case HalfAnswer:
		w.Header().Set("Content-Length", strconv.Itoa(len(res.body)))
		res.body = res.body[:len(res.body)/2]
		res.write(w)
		_ = http.NewResponseController(w).Flush() // the client may be gone
		panic(http.ErrAbortHandler)               // closes the connection
	default:
		res.write(w)
	}
}

// cut closes the connection without an answer.
func cut(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// Over HTTP/2 or a recorder there is no connection to close.
		panic(http.ErrAbortHandler)
	}
	_ = connection.Close() // the client gets nothing more
}

func page502(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "<html><body><h1>502 Bad Gateway</h1></body></html>") // the client may be gone
}

// UnderWay reports whether a request with the key, by any owner, is under way.
func (d *Double) UnderWay(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, kept := range d.keys {
		if strings.HasSuffix(id, "\x00"+key) && kept.done == nil {
			return true
		}
	}
	return false
}
