package api

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
)

// upstream responds to every request with an object of the size of a payment intent.
func upstream(b *testing.B) string {
	object := []byte(`{"id":"pi_1","object":"payment_intent","list":[` + strings.Repeat(`{"amount":2000,"currency":"usd","text":"a text"},`, 25) + `0]}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the client sees what is wrong
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(object)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

// BenchmarkCall is what one request costs, beside a bare net/http POST of the same
// bytes to the same server.
func BenchmarkCall(b *testing.B) {
	fields := []form.Field{{Name: "amount", Value: "2000"}, {Name: "currency", Value: "usd"}, {Name: "customer", Value: "cus_123"}}
	b.Run("client", func(b *testing.B) {
		client := New(testKey, upstream(b))
		b.Cleanup(client.Close)
		b.ReportAllocs()
		for b.Loop() {
			result, err := client.Do(b.Context(), Request{
				Method: http.MethodPost, Path: "/v1/payment_intents", Body: Form(fields), IdempotencyKey: "k",
			})
			if err != nil || len(result.Body) == 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		base, transport := upstream(b), newTransport()
		b.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport}
		b.ReportAllocs()
		for b.Loop() {
			request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, base+"/v1/payment_intents", bytes.NewReader(form.Encode(fields)))
			if err != nil {
				b.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+testKey)
			request.Header.Set("Content-Type", formType)
			request.Header.Set("Idempotency-Key", "k")
			response, err := client.Do(request)
			if err != nil {
				b.Fatal(err)
			}
			if body, err := io.ReadAll(response.Body); err != nil || len(body) == 0 {
				b.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
