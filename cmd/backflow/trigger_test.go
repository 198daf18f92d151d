package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/provider"
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
	providers := provider.Table{{
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

// TestASampleOfASenderThatSignsTheURLIsSignedByThePublicOne, and a reply that is no JSON
// is shown.
func TestASampleOfASenderThatSignsTheURLIsSignedByThePublicOne(t *testing.T) {
	t.Chdir(t.TempDir()) // where no dev keeps its state
	twilio, _ := provider.BuiltIn().Lookup("twilio", nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		verified, err := twilio.Verify(r.Context(), sdk.WebhookRequest{
			Headers: r.Header, Body: body, URL: "https://hooks.example.com" + r.URL.RequestURI(), Secrets: []string{"12345"},
		})
		if err != nil || verified.Type != "message.received" {
			t.Errorf("%+v, %v", verified, err)
		}
		w.Header().Set("Content-Type", verified.Reply.ContentType)
		_, _ = w.Write(verified.Reply.Body)
	}))
	defer server.Close()
	for publicURL, want := range map[string]string{"https://hooks.example.com/": `"<Response/>"`, "": "set server.publicUrl"} {
		file := filepath.Join(t.TempDir(), "backflow.json")
		if err := os.WriteFile(file, fmt.Appendf(nil, `{ "server": { "publicUrl": %q }, "webhooks": [ { "name": "a", "path": "/hooks/a", "provider": "twilio", "secret": "12345" } ] }`, publicURL), 0o600); err != nil {
			t.Fatal(err)
		}
		var output bytes.Buffer
		p := &program{stdout: &output, stderr: &output, providers: provider.BuiltIn(), lookupEnv: func(name string) (string, bool) {
			return server.URL, name == "BACKFLOW_URL"
		}}
		code := p.main(t.Context(), []string{"trigger", "twilio", "message.received", "-c", file})
		if (code == exitOK) != (publicURL != "") || !strings.Contains(output.String(), want) {
			t.Errorf("publicUrl %q: exit code %d\n%s", publicURL, code, &output)
		}
	}
}

// TestAnEventSignedWithAnotherSecretDoesNotGoWhereAFolderSays: who receives a signed
// event may send it on to the gateway that it is for.
func TestAnEventSignedWithAnotherSecretDoesNotGoWhereAFolderSays(t *testing.T) {
	t.Chdir(t.TempDir())
	ours, oursAsked := asked(t)
	foreign, foreignAsked := asked(t)
	if err := os.Mkdir(devDir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backflow.json")
	providers := provider.Table{{
		Name: "github", SecretField: "secret",
		Sample: func(_ context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
			return sdk.Sample{Body: []byte(request.Secret)}, nil
		},
	}}
	trigger := func(config, dev string) (int, string) {
		t.Helper()
		*oursAsked, *foreignAsked = nil, nil
		for name, text := range map[string]string{file: config, devStatePath(devDir): dev} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var output bytes.Buffer
		p := &program{stdout: &output, stderr: &output, providers: providers, lookupEnv: func(string) (string, bool) { return "", false }}
		return p.main(t.Context(), []string{"trigger", "github", "push", "-c", file}), output.String()
	}
	config := `{ "server": { "listen": "` + strings.TrimPrefix(ours, "http://") + `" }, "credentials": { "github": { "secret": "hush-hush" } },
  "webhooks": [{ "name": "a", "path": "/a", "provider": "github" }] }`
	lies := `{ "address": "` + foreign + `", "webhooks": [{ "name": "a", "provider": "github", "path": "/a", "secret": "another" }] }`
	if code, out := trigger(config, lies); code != exitOK || len(*oursAsked) != 1 || len(*foreignAsked) != 0 {
		t.Errorf("exit code %d, %d and %d requests: %s", code, len(*oursAsked), len(*foreignAsked), out)
	}
	if code, out := trigger(config, strings.Replace(lies, "another", "hush-hush", 1)); code != exitOK || len(*foreignAsked) != 1 {
		t.Errorf("the gateway of dev: exit code %d, %d requests: %s", code, len(*foreignAsked), out)
	}
	code, out := trigger(`{ "credentials": { "github": {"secret": "{{env.UNSET}}"} }, "webhooks": [{ "name": "a", "path": "/a", "provider": "github" }] }`, lies)
	if code != exitFailed || !strings.Contains(out, "credentials.github.secret") || !strings.Contains(out, "dev.json") || len(*oursAsked)+len(*foreignAsked) != 0 {
		t.Errorf("without a secret: exit code %d: %s", code, out)
	}
}
