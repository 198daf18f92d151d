package custom_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/sdk"
)

// get and post are the plainest actions.
var (
	get  = custom.Action{Method: "GET", Path: "/x"}
	post = custom.Action{Method: "POST", Path: "/x", Body: json.RawMessage(`{"a":1}`)}
)

func TestASuccessIsHandedOnByteForByte(t *testing.T) {
	for name, test := range map[string]struct {
		status            int
		contentType, body string
		want, wantType    string
	}{
		"JSON":             {200, "application/json; charset=utf-8", "{\"n\": 1.50,\n \"a\":\"<é>\"} ", "{\"n\": 1.50,\n \"a\":\"<é>\"} ", ""},
		"JSON of a vendor": {201, "application/vnd.api+json", `[]`, `[]`, ""},
		"nothing":          {204, "", "", "null", ""},
		"an empty body":    {200, "application/json", "", "null", ""},
		"text":             {200, "text/plain", `{"a":1}`, `{"a":1}`, "text/plain"},
		"a PDF":            {200, "application/pdf", "%PDF-1.4\x00", "%PDF-1.4\x00", "application/pdf"},
		"JSON unnamed":     {200, "-", `{"a":1}`, `{"a":1}`, ""},
		"bytes unnamed":    {200, "-", "\x00\x01", "\x00\x01", "application/octet-stream"},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.contentType)
				if test.contentType == "-" {
					w.Header()["Content-Type"] = nil
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			result, err := execute(t.Context(), one(t, a.URL, custom.Auth{}, get), `{}`)
			if err != nil {
				t.Fatal(err)
			}
			if string(result.Body) != test.want || result.ContentType != test.wantType {
				t.Errorf("%q of type %q", result.Body, result.ContentType)
			}
		})
	}
}

func TestACompressedResponseIsDecoded(t *testing.T) {
	a := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, `{"a":1}`)
		_ = z.Close()
	})
	if result, err := execute(t.Context(), one(t, a.URL, custom.Auth{}, get), `{}`); err != nil || string(result.Body) != `{"a":1}` {
		t.Errorf("%s, %v", result.Body, err)
	}
}

func TestAFailureSaysWhatIsKnownOfTheOutcome(t *testing.T) {
	keyed := post
	keyed.IdempotencyHeader = "Idempotency-Key"
	const no, unknown = sdk.OutcomeNotExecuted, sdk.OutcomeUnknown
	for _, test := range []struct {
		status    int
		act       custom.Action
		code      sdk.Code
		outcome   sdk.Outcome
		retryable bool
		after     time.Duration
	}{
		{303, post, sdk.CodeUpstream, unknown, false, 0},
		{400, post, sdk.CodeRejected, no, false, 0},
		{401, post, sdk.CodeCredentials, no, false, 0},
		{402, post, sdk.CodeDeclined, no, false, 0},
		{403, post, sdk.CodeCredentials, no, false, 0},
		{404, get, sdk.CodeNotFound, no, false, 0},
		{405, post, sdk.CodeRejected, no, false, 0},
		{408, post, sdk.CodeUpstream, unknown, true, 7 * time.Second},
		{409, post, sdk.CodeConflict, no, false, 0},
		{409, keyed, sdk.CodeConflict, unknown, true, 7 * time.Second},
		{410, post, sdk.CodeNotFound, no, false, 0},
		{422, post, sdk.CodeRejected, no, false, 0},
		{424, post, sdk.CodeUpstream, unknown, true, 7 * time.Second},
		{424, keyed, sdk.CodeUpstream, unknown, true, 7 * time.Second},
		{425, post, sdk.CodeUnavailable, no, true, 7 * time.Second},
		{429, post, sdk.CodeRateLimited, no, true, 7 * time.Second},
		{500, post, sdk.CodeUpstream, unknown, true, 7 * time.Second},
		{503, get, sdk.CodeUpstream, unknown, true, 7 * time.Second},
	} {
		t.Run(fmt.Sprintf("%d of a %s", test.status, test.act.Method), func(t *testing.T) {
			a := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/problem+json")
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "http://elsewhere.invalid/")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, `{"title":"no","n":1.50}`)
			})
			_, err := execute(t.Context(), one(t, a.URL, custom.Auth{}, test.act), `{}`)
			if err == nil {
				t.Fatal("no error")
			}
			if err.Code != test.code || err.Outcome != test.outcome || err.Retryable != test.retryable || err.RetryAfter != test.after || err.Final {
				t.Errorf("%+v", err)
			}
			if want := fmt.Sprintf(`{"status":%d,"body":{"title":"no","n":1.50}}`, test.status); string(err.Details) != want {
				t.Errorf("details %s", err.Details)
			}
			if want := fmt.Sprintf("crm.act: the API answered %d", test.status); !strings.HasPrefix(err.Message, want) {
				t.Errorf("message %q", err.Message)
			}
			if n := a.count(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestAnErrorHoldsNoSecretAndNoPage(t *testing.T) {
	const secret = `s3cret"/+ü`
	for name, auth := range map[string]custom.Auth{
		"bearer": custom.Bearer("s3cret"), "basic": custom.Basic("shop", secret), "header": custom.Header("X-Key", "s3cret"), "query": custom.Query("key", secret),
	} {
		t.Run(name, func(t *testing.T) {
			var said atomic.Value
			a := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := json.Marshal(map[string]any{"header": r.Header, "uri": r.RequestURI, "query": r.URL.Query(), "hint": "ok"})
				if err != nil {
					t.Error(err)
				}
				said.Store(string(body))
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(401)
				_, _ = w.Write(body)
			})
			_, err := execute(t.Context(), one(t, a.URL, auth, get), `{}`)
			if err == nil || !strings.Contains(string(err.Details), `"hint":"ok"`) {
				t.Fatalf("%+v", err)
			}
			echoed := said.Load().(string)
			if text := fmt.Sprintf("%+v %s %#v", err, err.Details, auth); strings.Contains(text, "s3cret") || strings.Contains(text, "c2hvcD") || !strings.Contains(text, "***") {
				t.Errorf("the error: %s\nof the response: %s", text, echoed)
			}
		})
	}
	for name, body := range map[string]string{"HTML": "<html>", "a large body": `"` + strings.Repeat("x", 17<<10) + `"`, "too large a body": strings.Repeat("x", custom.MaxResponse+1)} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(400)
				_, _ = io.WriteString(w, body)
			})
			if _, err := execute(t.Context(), one(t, a.URL, custom.Auth{}, get), `{}`); err == nil || err.Code != sdk.CodeRejected || string(err.Details) != `{"status":400}` {
				t.Errorf("%+v", err)
			}
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	other := serve(t, nil)
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	if _, err := execute(t.Context(), one(t, a.URL, custom.Bearer("secret"), get), `{}`); err == nil || err.Code != sdk.CodeUpstream {
		t.Errorf("%+v", err)
	}
	if n := other.count(); n > 0 {
		t.Errorf("followed %d times", n)
	}
}

func TestAnUnreadableResponseIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		code sdk.Code
	}{
		"not the JSON that it says to be": {`{"a":`, sdk.CodeUpstream},
		"too large":                       {`"` + strings.Repeat("x", custom.MaxResponse) + `"`, sdk.CodeResultTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, test.body)
			})
			if _, err := execute(t.Context(), one(t, a.URL, custom.Auth{}, post), `{}`); err == nil || err.Code != test.code || err.Outcome != sdk.OutcomeExecuted || err.Retryable || !err.Final {
				t.Errorf("%+v", err)
			}
		})
	}
}

func TestASuccessThatIsCutOffTookEffect(t *testing.T) {
	for status, want := range map[int]sdk.Outcome{200: sdk.OutcomeExecuted, 201: sdk.OutcomeExecuted, 500: sdk.OutcomeUnknown} {
		a := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"id":1`)
		})
		if _, err := execute(t.Context(), one(t, a.URL, custom.Auth{}, post), `{}`); err == nil || err.Code != sdk.CodeUpstream || err.Outcome != want || !err.Retryable || err.Final {
			t.Errorf("%d: %+v", status, err)
		}
	}
}

func TestACallOfAnAPIThatCannotBeReachedWasNotExecuted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	_, failed := execute(t.Context(), one(t, "http://"+address, custom.Auth{}, post), `{}`)
	if failed == nil || failed.Code != sdk.CodeUnavailable || failed.Outcome != sdk.OutcomeNotExecuted || !failed.Retryable || failed.Message != "crm.act: the API cannot be reached: connection refused" {
		t.Errorf("%+v", failed)
	}
}

func TestACertificateThatIsNotTrustedIsReported(t *testing.T) {
	asked := false
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs the handshake
	server.StartTLS()
	t.Cleanup(server.Close)
	_, failed := execute(t.Context(), one(t, server.URL, custom.Auth{}, post), `{}`)
	if failed == nil || failed.Code != sdk.CodeUnavailable || failed.Outcome != sdk.OutcomeNotExecuted || !strings.Contains(failed.Message, "certificate is not valid") || asked {
		t.Errorf("%+v", failed)
	}
}

func TestACallEndsInTime(t *testing.T) {
	asked := make(chan struct{}, 1)
	a := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done() // when the caller hangs up
	})
	short := post
	short.Timeout = 50 * time.Millisecond
	for name, test := range map[string]struct {
		ctx func(context.Context) (context.Context, context.CancelFunc)
		act custom.Action
	}{
		"its own": {context.WithCancel, short},
		"the caller's": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 50*time.Millisecond)
		}, post},
		"given up": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			go func() { <-asked; asked <- struct{}{}; cancel() }() // ends with the request
			return ctx, cancel
		}, post},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := test.ctx(t.Context())
			defer cancel()
			_, err := execute(ctx, one(t, a.URL, custom.Auth{}, test.act), `{}`)
			<-asked
			if err == nil || err.Code != sdk.CodeTimeout || err.Outcome != sdk.OutcomeUnknown || !err.Retryable {
				t.Errorf("%+v", err)
			}
		})
	}
}

// TestARequestIsSentOnce has connections that were kept break in the middle of
// the next request, after which net/http likes to send again what it takes for
// repeatable.
func TestARequestIsSentOnce(t *testing.T) {
	for _, body := range []string{`{"a":1}`, ""} {
		for _, header := range []string{"Idempotency-Key", "X-Idempotency-Key", ""} {
			t.Run(header+" with body "+body, func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				var asked atomic.Int64
				var serving sync.WaitGroup
				serving.Go(func() {
					for {
						conn, err := l.Accept()
						if err != nil {
							return
						}
						in := bufio.NewReader(conn)
						for n := 1; ; n++ {
							r, err := http.ReadRequest(in)
							if err != nil {
								break
							}
							_, _ = io.Copy(io.Discard, r.Body)
							asked.Add(1)
							if n == 2 {
								break // without a word
							}
							_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: application/json\r\n\r\nnull")
						}
						_ = conn.Close()
					}
				})
				t.Cleanup(func() { _ = l.Close(); serving.Wait() })
				act := custom.Action{Method: "POST", Path: "/x", IdempotencyHeader: header}
				if body != "" {
					act.Body = json.RawMessage(body)
				}
				i := one(t, "http://"+l.Addr().String(), custom.Auth{}, act)
				if _, err := execute(t.Context(), i, `{}`); err != nil {
					t.Fatal(err)
				}
				_, failed := execute(t.Context(), i, `{}`)
				if failed == nil || failed.Code != sdk.CodeUpstream || failed.Outcome != sdk.OutcomeUnknown || !failed.Retryable {
					t.Errorf("%+v", failed)
				}
				if n := asked.Load(); n != 2 {
					t.Errorf("%d requests came, want 2", n)
				}
			})
		}
	}
}

func TestConnectionsAreKeptForManyCallers(t *testing.T) {
	const callers, calls = 64, 20
	var connections sync.Map // by the client's address
	a := serve(t, func(_ http.ResponseWriter, r *http.Request) { connections.Store(r.RemoteAddr, true) })
	i := one(t, a.URL, custom.Auth{}, post)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls {
				if _, err := execute(t.Context(), i, `{}`); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	opened := 0
	connections.Range(func(any, any) bool { opened++; return true })
	// net/http opens one more where a caller finds none idle at that instant.
	if opened > 2*callers {
		t.Errorf("%d connections for %d callers and %d calls", opened, callers, callers*calls)
	}
}
