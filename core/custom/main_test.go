package custom_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// api is a server that records its requests.
type api struct {
	*httptest.Server
	mu   sync.Mutex // guards sent
	sent [][]byte   // each request as it came, header and body
}

// serve starts an API that handles every request with handler. If it is nil, the
// response is {"ok":true}.
func serve(t testing.TB, handler http.HandlerFunc) *api {
	t.Helper()
	if handler == nil {
		handler = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"ok":true}`)
		}
	}
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := httputil.DumpRequest(r, true)
		if err != nil {
			t.Error(err)
		}
		a.mu.Lock()
		a.sent = append(a.sent, raw)
		a.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

// last returns the last request, and its body.
func (a *api) last(t testing.TB) (*http.Request, string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sent) == 0 {
		t.Fatal("nothing was sent")
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(a.sent[len(a.sent)-1])))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

// count returns how many requests came.
func (a *api) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sent)
}

// one makes an integration with one action, "act".
func one(t testing.TB, base string, auth custom.Auth, act custom.Action) *custom.Integration {
	t.Helper()
	i, err := custom.New(custom.Definition{Name: "crm", BaseURL: base, Auth: auth, Actions: map[string]custom.Action{"act": act}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// execute calls the action.
func execute(ctx context.Context, i *custom.Integration, params string) (sdk.Result, *sdk.Error) {
	result, err := i.Execute(ctx, action.Call{Action: "act", Params: value.TrustedDoc([]byte(params)), IdempotencyKey: "key-1"})
	if err == nil {
		return result, nil
	}
	var failed *sdk.Error
	if !errors.As(err, &failed) {
		return result, &sdk.Error{Code: "not an *sdk.Error", Message: err.Error()}
	}
	return result, failed
}
