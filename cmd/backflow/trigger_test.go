package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
)

// TestABuiltInProviderSignsASampleWithItsSecret, that of its credentials, and
// needs no plugin for it.
func TestABuiltInProviderSignsASampleWithItsSecret(t *testing.T) {
	t.Chdir(t.TempDir()) // where no dev keeps its state
	var sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = r.URL.Path + " " + string(body)
		_, _ = io.WriteString(w, `{"received":true}`)
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "credentials": { "github": { "secret": "hush-hush" } }, "webhooks": [
  { "name": "a", "path": "/hooks/a", "provider": "github" }, { "name": "b", "path": "/hooks/b", "provider": "shopify", "secret": "s" }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	providers := webhook.Providers{{
		Name: "github", SecretField: "secret",
		Sample: func(_ context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
			return sdk.Sample{Body: []byte(request.EventType + " " + request.Secret)}, nil
		},
	}, {Name: "shopify"}}
	for provider, want := range map[string]string{"github": "", "shopify": "provider shopify makes no samples"} {
		var output bytes.Buffer
		p := &program{stdout: &output, stderr: &output, providers: providers, lookupEnv: func(name string) (string, bool) {
			return server.URL, name == "BACKFLOW_URL"
		}}
		code := p.main(t.Context(), []string{"trigger", provider, "push", "-c", file})
		if (code == exitOK) != (want == "") || !strings.Contains(output.String(), want) {
			t.Errorf("%s: exit code %d\n%s", provider, code, &output)
		}
	}
	if want := "/hooks/a push hush-hush"; sent != want {
		t.Errorf("sent %q, want %q", sent, want)
	}
}
