package wasm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// fetch has the guest make a request.
func fetch(t *testing.T, i plugin.Instance, url string) (string, error) {
	t.Helper()
	params, err := json.Marshal(map[string]string{"Method": "POST", "URL": url, "Body": "ping"})
	if err != nil {
		t.Fatal(err)
	}
	result, err := i.Execute(t.Context(), time.Now().Add(10*time.Second), sdk.Call{Action: "fetch", Params: params})
	return string(result.Body), err
}

func TestGuestReachesAllowedHostsAndNoOthers(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "inside") }))
	defer inside.Close()
	byName := strings.Replace(inside.URL, "127.0.0.1", "localhost", 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/inside":
			http.Redirect(w, r, inside.URL, http.StatusFound)
		case "/again":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		case "/large":
			if _, err := io.Copy(w, io.LimitReader(zeros{}, 9<<20)); err != nil {
				return // the gateway has seen enough
			}
		case "/slow":
			<-r.Context().Done()
		default:
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "text/x")
			fmt.Fprintf(w, "%s %s %s", r.Method, body, r.Header.Get("X-Fetcher"))
		}
	}))
	defer server.Close()
	i := launch(t, newLauncher(t), plugin.Spec{Path: path("fetcher"), WASM: plugin.WASM{AllowedHosts: hosts(t, server.URL, "http://localhost:1"), Instances: 1}})

	for _, path := range []string{"/", "/again"} {
		if got, err := fetch(t, i, server.URL+path); err != nil || got != `{"body":"POST ping yes","status":200,"type":"text/x"}` {
			t.Errorf("%s: got %s, %v", path, got, err)
		}
	}
	for name, c := range map[string]struct {
		url     string
		code    sdk.Code
		outcome sdk.Outcome
		message string
	}{
		"another host":     {inside.URL, sdk.CodeRejected, sdk.OutcomeNotExecuted, "is not in the allowedHosts of plugin fixture (the entry for it is \"" + inside.URL + "\": without http://"},
		"by redirect":      {server.URL + "/inside", sdk.CodeRejected, sdk.OutcomeNotExecuted, "is not in the allowedHosts of plugin fixture"},
		"by another name":  {byName, sdk.CodeRejected, sdk.OutcomeNotExecuted, "is not in the allowedHosts"},
		"metadata":         {"http://169.254.169.254/latest/meta-data", sdk.CodeRejected, sdk.OutcomeNotExecuted, "is not in the allowedHosts"},
		"another scheme":   {strings.Replace(server.URL, "http", "https", 1), sdk.CodeRejected, sdk.OutcomeNotExecuted, "(the entry for it is \"" + strings.TrimPrefix(server.URL, "http://") + "\")"},
		"a file":           {"file:///etc/passwd", sdk.CodeRejected, sdk.OutcomeNotExecuted, "(only http and https can be)"},
		"answers too much": {server.URL + "/large", sdk.CodeResultTooLarge, sdk.OutcomeUnknown, "answered more than 8388608 bytes"},
		"nobody listens":   {"http://localhost:1/", sdk.CodeUnavailable, sdk.OutcomeNotExecuted, "no connection to localhost:1"},
	} {
		got, err := fetch(t, i, c.url)
		var e *sdk.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Outcome != c.outcome || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: got %s, %#v", name, got, err)
		}
	}
	begun := time.Now()
	_, err := i.Execute(t.Context(), time.Now().Add(300*time.Millisecond), sdk.Call{
		Action: "fetch", Params: json.RawMessage(`{"Method":"GET","URL":"` + server.URL + `/slow"}`),
	})
	if !errors.Is(err, &sdk.Error{Code: sdk.CodeTimeout}) || time.Since(begun) > 5*time.Second {
		t.Errorf("slow: got %v after %s", err, time.Since(begun))
	}
}

// zeros is a body without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
