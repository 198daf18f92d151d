package api

import (
	"bytes"
	"context"
	"encoding/json"
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
	return Request{Method: http.MethodPost, Path: "/v1/customers", Body: Form(fields), IdempotencyKey: "k1"}
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

func TestAGetSendsItsQueryAndNoKey(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "expand[0]=customer" || r.Header.Get("Idempotency-Key") != "" {
			http.Error(w, r.URL.RawQuery, http.StatusTeapot)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	_, err := client.Do(t.Context(), Request{
		Method: http.MethodGet, Path: "/v1/x", IdempotencyKey: "k1", Query: []form.Field{{Name: "expand[0]", Value: "customer"}},
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
	for name, request := range map[string]Request{
		"POST":              post(form.Field{Name: "a", Value: "b"}),
		"POST without body": post(),
		"DELETE":            {Method: http.MethodDelete, Path: "/v1/customers/cus_1"},
		"DELETE below v2":   {Method: http.MethodDelete, Path: "/v2/x", IdempotencyKey: "k1"},
		"GET":               {Method: http.MethodGet, Path: "/v1/customers"},
	} {
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
		if _, err := client.Do(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		_, err := client.Do(t.Context(), request)
		failure := wantError(t, err)
		if failure.Code != sdk.CodeUpstream || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown {
			t.Errorf("%s: %+v", name, failure)
		}
		if calls.Load() != 2 {
			t.Errorf("%s: %d requests reached the server, want 2", name, calls.Load())
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
	if string(got.Body) != answer || got.ContentType != "" {
		t.Errorf("got %q", got)
	}
}

func TestHeadersOfARequest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request Request
		want    map[string]string
	}{
		"the version of a request": {Request{Method: http.MethodGet, Path: "/v1/x", Version: "2026-08-26.dahlia"}, map[string]string{
			"Stripe-Version": "2026-08-26.dahlia", "X-Stripe-Client-User-Agent": clientUserAgent, "Stripe-Context": "", "Idempotency-Key": "",
		}},
		"JSON below v2": {Request{Method: http.MethodPost, Path: "/v2/x", Body: JSON(json.RawMessage(`{"a":1.0}`)), IdempotencyKey: "k", Context: "acct_1/acct_2"}, map[string]string{
			"Content-Type": "application/json", "Stripe-Context": "acct_1/acct_2", "Idempotency-Key": "k", "Stripe-Version": "2023-10-16",
			"X-Stripe-Client-User-Agent": clientUserAgent,
		}},
		"a DELETE has no key":          {Request{Method: http.MethodDelete, Path: "/v1/x", IdempotencyKey: "k"}, map[string]string{"Idempotency-Key": ""}},
		"a DELETE below v2 has a key":  {Request{Method: http.MethodDelete, Path: "/v2/x", IdempotencyKey: "k"}, map[string]string{"Idempotency-Key": "k"}},
		"a POST without body has both": {Request{Method: http.MethodPost, Path: "/v1/x", IdempotencyKey: "k"}, map[string]string{"Idempotency-Key": "k", "Content-Length": "0", "Transfer-Encoding": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got http.Header
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if len(r.TransferEncoding) > 0 {
					t.Errorf("sent in chunks")
				}
				got = r.Header
				_, _ = io.WriteString(w, `{}`)
			})
			if _, err := client.Do(t.Context(), test.request); err != nil {
				t.Fatal(err)
			}
			for header, want := range test.want {
				if got.Get(header) != want {
					t.Errorf("%s: %q, want %q", header, got.Get(header), want)
				}
			}
		})
	}
}

func TestWhatNoHeaderHoldsIsAFaultOfTheParam(t *testing.T) {
	t.Parallel()
	client := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the request was sent") })
	for _, text := range []string{"a\r\nX: y", "a b", "é", "\x00"} {
		for pointer, request := range map[string]Request{
			"/stripeAccount": {Method: http.MethodGet, Path: "/v1/x", Account: text},
			"/stripeContext": {Method: http.MethodGet, Path: "/v2/x", Context: text},
		} {
			_, err := client.Do(t.Context(), request)
			failure := wantError(t, err)
			if failure.Code != sdk.CodeInvalidParams || failure.Outcome != sdk.OutcomeNotExecuted || len(failure.Faults) != 1 || failure.Faults[0].Pointer != pointer {
				t.Errorf("%q: %+v", text, failure)
			}
		}
	}
}

func TestAFileKeepsItsContentType(t *testing.T) {
	t.Parallel()
	const pdf = "%PDF-1.7\n\x00\xff"
	for contentType, want := range map[string]string{"application/pdf": "application/pdf", "image/png; a=b": "image/png; a=b", "": "application/octet-stream"} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if contentType != "" {
				w.Header().Set("Content-Type", contentType)
			}
			_, _ = io.WriteString(w, pdf)
		})
		got, err := client.Do(t.Context(), Request{Method: http.MethodGet, Path: "/v1/quotes/qt_1/pdf", Files: true, Binary: true})
		if err != nil || string(got.Body) != pdf || got.ContentType != want {
			t.Errorf("%q: %q %s, %v", contentType, got.Body, got.ContentType, err)
		}
	}
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<html>")
	})
	_, err := client.Do(t.Context(), Request{Method: http.MethodGet, Path: "/v1/quotes/qt_1/pdf", Binary: true})
	if failure := wantError(t, err); failure.Code != sdk.CodeUpstream {
		t.Errorf("a page is a file: %+v", failure)
	}
}

func TestFilesAreAtTheirOwnHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ base, path, want string }{
		{"", "/v1/files", "https://files.stripe.com/v1/files"},
		{"http://127.0.0.1:1/", "/v1/files", "http://127.0.0.1:1/v1/files"},
	} {
		made, err := New(testKey, test.base).build(t.Context(), Request{Method: http.MethodPost, Path: test.path, Files: true})
		if err != nil || made.URL.String() != test.want {
			t.Errorf("%v, %v", made.URL, err)
		}
	}
	made, err := New(testKey, "").build(t.Context(), Request{Method: http.MethodPost, Path: "/v1/files"})
	if err != nil || made.URL.Host != "api.stripe.com" {
		t.Errorf("%v, %v", made.URL, err)
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
