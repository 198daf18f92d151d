package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/backflow/backflow/test/stripedouble"
)

// stripe is the double of Stripe, with a record of what it was asked.
type stripe struct {
	*stripedouble.Double
	url string

	mu       sync.Mutex // guards requests
	requests []asked
}

// asked is a request that came to Stripe.
type asked struct {
	operation string // method and path
	form      url.Values
	key       string
	body      []byte
}

func newStripe(t *testing.T) *stripe {
	double, err := stripedouble.New(stripedouble.Options{Customers: []string{"cus_123"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &stripe{Double: double}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// ServeHTTP notes the request, and has the double answer it.
func (s *stripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		form = url.Values{"unreadable": {string(body)}}
	}
	s.mu.Lock()
	s.requests = append(s.requests, asked{r.Method + " " + r.URL.EscapedPath(), form, r.Header.Get("Idempotency-Key"), body})
	s.mu.Unlock()
	s.Double.ServeHTTP(w, r)
}

// asked returns the requests so far.
func (s *stripe) asked() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]asked{}, s.requests...)
}

// wantNothing fails the test when anything has come.
func (s *stripe) wantNothing(t *testing.T) {
	t.Helper()
	if got := s.asked(); len(got) > 0 {
		t.Errorf("Stripe was asked %d times, first %+v", len(got), got[0])
	}
}
