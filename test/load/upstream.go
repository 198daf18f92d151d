package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// paymentIntentsPath is where the upstream makes payment intents.
const paymentIntentsPath = "/v1/payment_intents"

// paymentIntent is what the upstream responds: of the size and in the layout of one of
// Stripe's (https://docs.stripe.com/api/payment_intents/object).
//
//go:embed payment_intent.json
var paymentIntent []byte

// newUpstream stands for Stripe: it responds to each call at once and with the same, and
// says at /calls how many there were.
func newUpstream() http.Handler {
	var calls atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+paymentIntentsPath, func(w http.ResponseWriter, r *http.Request) {
		n := calls.Add(1)
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // the client has gone
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Idempotency-Key", r.Header.Get("Idempotency-Key"))
		h.Set("Original-Request", "req_"+strconv.FormatInt(n, 10))
		h.Set("Request-Id", "req_"+strconv.FormatInt(n, 10))
		h.Set("Stripe-Version", "2023-10-16")
		// A client that has gone needs no answer.
		_, _ = w.Write(paymentIntent)
	})
	mux.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, calls.Load())
	})
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	return mux
}

// upstreamCalls asks the upstream how many calls it has got.
func upstreamCalls(ctx context.Context, url string) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/calls", nil)
	if err != nil {
		return 0, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}
