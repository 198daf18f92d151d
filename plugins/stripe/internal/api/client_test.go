package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "sk_test_1"

// serve returns a client of a server with the handler.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client := New(testKey, server.URL)
	t.Cleanup(client.Close)
	return client
}

func post(fields ...form.Field) Request {
	return Request{Method: http.MethodPost, Path: "/v1/customers", Fields: fields, IdempotencyKey: "k1"}
}

func wantError(t *testing.T, err error) *sdk.Error {
	t.Helper()
	var failure *sdk.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v, want an *sdk.Error", err)
	}
	return failure
}

func TestARequestIsSentAsGiven(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{}`)
	})
	request := post(form.Field{Name: "amount", Value: "1000000"}, form.Field{Name: "metadata[a b]", Value: "x&y=z"})
	request.Account = "acct_1"
	if _, err := client.Do(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"Authorization":     "Bearer sk_test_1",
		"Content-Type":      "application/x-www-form-urlencoded",
		"Stripe-Version":    "2023-10-16",
		"Idempotency-Key":   "k1",
		"Stripe-Account":    "acct_1",
		"Transfer-Encoding": "",
		// Nothing of this machine, and no telemetry.
		"X-Stripe-Client-User-Agent": clientUserAgent,
		"X-Stripe-Client-Telemetry":  "",
	} {
		if got.Header.Get(header) != want {
			t.Errorf("%s: %q, want %q", header, got.Header.Get(header), want)
		}
	}
	if got.ContentLength != int64(len(body)) {
		t.Errorf("content length %d for %d bytes: sent in chunks", got.ContentLength, len(body))
	}
	if want := "amount=1000000&metadata[a+b]=x%26y%3Dz"; string(body) != want {
		t.Errorf("body %s, want %s", body, want)
	}
}

func TestAGetPutsItsFieldsIntoTheQueryAndSendsNoKey(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "expand[0]=customer" || r.Header.Get("Idempotency-Key") != "" {
			http.Error(w, r.URL.RawQuery, http.StatusTeapot)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	_, err := client.Do(t.Context(), Request{
		Method: http.MethodGet, Path: "/v1/x", IdempotencyKey: "k1", Fields: []form.Field{{Name: "expand[0]", Value: "customer"}},
	})
	if err != nil {
		t.Error(err)
	}
}

// stripe-go's CallRaw with nil params sends a POST without a key.
func TestTrapEveryPostCarriesAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		keys[r.Header.Get("Idempotency-Key")] = true
		_, _ = io.WriteString(w, `{}`)
	})
	for range 2 {
		request := post()
		request.IdempotencyKey = ""
		if _, err := client.Do(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) != 2 || keys[""] {
		t.Errorf("keys %v, want two random ones", keys)
	}
}

// stripe-go repeats by default, and sleeps without regard to Retry-After and
// context.
func TestTrapNoFailureIsRepeated(t *testing.T) {
	t.Parallel()
	for _, status := range []int{409, 429, 500, 502, 503} {
		var calls atomic.Int32
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Stripe-Should-Retry", "true")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":{"type":"api_error"}}`)
		})
		if _, err := client.Do(t.Context(), post()); err == nil {
			t.Errorf("%d is no error", status)
		}
		if calls.Load() != 1 {
			t.Errorf("%d: %d requests", status, calls.Load())
		}
	}
}

// net/http takes a request with an Idempotency-Key header for repeatable, and
// sends it again when a kept connection breaks before the answer.
func TestTrapABrokenKeptConnectionIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodGet} {
		var calls atomic.Int32
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) > 1 {
				_, _ = io.Copy(io.Discard, r.Body)
				connection, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_ = connection.Close()
				return
			}
			_, _ = io.WriteString(w, `{}`)
		})
		request := post()
		request.Method = method
		if _, err := client.Do(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		_, err := client.Do(t.Context(), request)
		failure := wantError(t, err)
		if failure.Code != sdk.CodeUpstream || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown {
			t.Errorf("%s: %+v", method, failure)
		}
		if calls.Load() != 2 {
			t.Errorf("%s: %d requests reached the server, want 2", method, calls.Load())
		}
	}
}

// Typed structs lose the fields that are newer than the library.
func TestTrapTheAnswerIsStripesOwnBytes(t *testing.T) {
	t.Parallel()
	const answer = "{\n  \"id\": \"cus_1\",\n  \"newer\": {\"n\": 12345678901234567890, \"d\": 19.990},\n  \"a\":1,\"a\":2 }\n"
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	got, err := client.Do(t.Context(), post())
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != answer {
		t.Errorf("got %q", got)
	}
}

// A redirect would carry the request, and with some codes its body, elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 307, 308} {
		var calls atomic.Int32
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "{}")
		})
		_, err := client.Do(t.Context(), post())
		if failure := wantError(t, err); failure.Code != sdk.CodeUpstream || failure.Retryable {
			t.Errorf("%d: %+v", status, failure)
		}
		if calls.Load() != 1 {
			t.Errorf("%d: %d requests", status, calls.Load())
		}
	}
}

// CallRaw pastes a path together as it is given.
func TestTrapPathPartsAreEscapedOrRefused(t *testing.T) {
	t.Parallel()
	for part, want := range map[string]string{
		"sub_1": "/v1/subscriptions/sub_1", "a b?c#d": "/v1/subscriptions/a%20b%3Fc%23d", "a%2Fb": "/v1/subscriptions/a%252Fb", "é": "/v1/subscriptions/%C3%A9", "...": "/v1/subscriptions/...",
	} {
		if got, err := Path("subscriptions", part); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", part, got, err, want)
		}
	}
	for _, part := range []string{"", ".", "..", "a/b", "/", `a\b`, "a\r\nb", "a\x00"} {
		if got, err := Path("subscriptions", part); err == nil {
			t.Errorf("%q: became %q", part, got)
		}
	}
	var path string
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.EscapedPath()
		_, _ = io.WriteString(w, `{}`)
	})
	escaped, err := Path("subscriptions", "a b?c%2F..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(t.Context(), Request{Method: http.MethodGet, Path: escaped}); err != nil || path != escaped {
		t.Errorf("%q reached the server as %q, %v", escaped, path, err)
	}
}

func TestAnAnswerThatIsNotStripesIsOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"empty": "", "HTML": "<html></html>", "an array": "[]", "a text": `"ok"`, "null": "null", "cut JSON": `{"id":`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
			_, err := client.Do(t.Context(), post())
			failure := wantError(t, err)
			if failure.Code != sdk.CodeUpstream || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown || failure.Final {
				t.Errorf("%+v", failure)
			}
		})
	}
}

func TestATooLargeAnswerIsNotHeld(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte(" "), maxResponse+1))
	})
	_, err := client.Do(t.Context(), post())
	if failure := wantError(t, err); failure.Code != sdk.CodeResultTooLarge || failure.Retryable {
		t.Errorf("%+v", failure)
	}
}

func TestABodyThatBreaksOffIsOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"id":"cus_1"`)
	})
	_, err := client.Do(t.Context(), post())
	if failure := wantError(t, err); failure.Code != sdk.CodeUpstream || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown {
		t.Errorf("%+v", failure)
	}
}

// stripe-go's sleep between tries does not end with the context.
func TestTrapTheDeadlineEndsTheCall(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	arrived := make(chan struct{}, 1)
	client := serve(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	t.Cleanup(func() { close(release) }) // before the server is closed

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := client.Do(ctx, post())
	failure := wantError(t, err)
	if failure.Code != sdk.CodeTimeout || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown {
		t.Errorf("deadline: %+v", failure)
	}
	<-arrived

	ctx, giveUp := context.WithCancel(t.Context())
	go func() { <-arrived; giveUp() }()
	_, err = client.Do(ctx, post())
	if failure := wantError(t, err); failure.Code != sdk.CodeTimeout || failure.Outcome != sdk.OutcomeUnknown {
		t.Errorf("given up: %+v", failure)
	}

	_, err = client.Do(ctx, post())
	if failure := wantError(t, err); failure.Code != sdk.CodeTimeout || failure.Outcome != sdk.OutcomeNotExecuted {
		t.Errorf("given up before: %+v", failure)
	}
}

func TestWhatCannotBeReachedWasNotExecuted(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for name, base := range map[string]string{"refused": closed.URL, "untrusted": untrusted.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := New(testKey, base)
			t.Cleanup(client.Close)
			_, err := client.Do(t.Context(), post())
			failure := wantError(t, err)
			if failure.Code != sdk.CodeUnavailable || !failure.Retryable || failure.Outcome != sdk.OutcomeNotExecuted {
				t.Errorf("%+v", failure)
			}
		})
	}
}

// stripe-mock returns a refused key with the whole Authorization header.
func TestTheSecretKeyIsInNoError(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","param":"`+testKey+`","message":"Please authenticate: `+r.Header.Get("Authorization")+`"}}`)
	})
	_, err := client.Do(t.Context(), post())
	failure := wantError(t, err)
	if strings.Contains(failure.Message, testKey) || strings.Contains(string(failure.Details), testKey) {
		t.Errorf("%s %s", failure.Message, failure.Details)
	}
	if failure.Code != sdk.CodeCredentials || !strings.Contains(failure.Message, "***") {
		t.Errorf("%+v", failure)
	}
}
