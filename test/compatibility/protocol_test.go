package compatibility

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/core/plugin/process"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

func TestPluginOfVersionOneOfTheProtocolStillWorks(t *testing.T) {
	file := filepath.Join(t.TempDir(), plugin.FilePrefix+"frozen")
	goTool(t, "build", "-o", file, "./protocol1")
	transport := plugintest.Transport{
		Launcher: func(t testing.TB) plugin.Launcher {
			launcher := process.NewLauncher()
			t.Cleanup(func() {
				if err := launcher.Close(); err != nil {
					t.Error(err)
				}
			})
			return launcher
		},
	}
	p := transport.StartReady(t, plugin.Member{
		Spec:   plugin.Spec{Name: "frozen", Path: file},
		Config: sdk.Config{Credentials: json.RawMessage(`{"key":"sk_1"}`)},
	})

	want := sdk.ActionSpec{
		Name: "greet", Description: "greets", HTTP: sdk.POST("/greet"), Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 24 * time.Hour,
		Params:   json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`),
		Result:   json.RawMessage(`{"type":"object"}`),
		Examples: []sdk.Example{{Params: json.RawMessage(`{"name":"Ada"}`)}},
	}
	if diff := cmp.Diff(want, p.Manifest().Actions[0]); diff != "" {
		t.Error(diff)
	}

	deadline := time.Now().Add(time.Minute)
	result, err := p.Execute(withDeadline(t, deadline), action.Call{Action: "greet", Params: value.TrustedDoc([]byte(`{"name":1.50}`)), IdempotencyKey: "k_1", RequestID: "r_1"})
	if got, want := string(result.Body), `{"params":{"name":1.50},"key":"sk_1","idempotencyKey":"k_1","requestId":"r_1","timed":true}`; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}

	_, err = p.Execute(t.Context(), action.Call{Action: "fail", Params: value.TrustedDoc([]byte(`{}`))})
	var failure *sdk.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(&sdk.Error{
		Code: sdk.CodeDeclined, Message: "no", Retryable: true, RetryAfter: 1500 * time.Millisecond, Outcome: sdk.OutcomeNotExecuted, Final: true,
		Faults: []sdk.Fault{{Pointer: "/a", Message: "wrong"}}, Details: json.RawMessage(`{"declineCode":"x"}`),
	}, failure); diff != "" {
		t.Error(diff)
	}

	_, err = p.Execute(withDeadline(t, time.Now().Add(50*time.Millisecond)), action.Call{Action: "hang", Params: value.TrustedDoc([]byte(`{}`))})
	if !errors.As(err, &failure) || failure.Code != sdk.CodeTimeout {
		t.Errorf("a call that hangs: %v", err)
	}

	sample, err := p.SampleWebhook(t.Context(), sdk.SampleRequest{EventType: "a.b", Secret: "s", Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	received := sdk.WebhookRequest{
		Headers: map[string][]string{"Signature": {sample.Headers["Signature"]}}, Body: sample.Body,
		Secrets: []string{"s"}, Now: time.Now(), Tolerance: time.Minute,
	}
	if event, err := p.VerifyWebhook(t.Context(), received); err != nil || !cmp.Equal(event, sdk.WebhookEvent{ID: "evt_1", Type: "a.b"}) {
		t.Errorf("got %+v, %v", event, err)
	}
	_, listed := p.ListEvents(t.Context(), sdk.ListEventsRequest{Since: time.Now().Add(-time.Hour), Limit: 10})
	_, synced := p.SyncEndpoint(t.Context(), sdk.SyncEndpointRequest{Webhook: "w", URL: "https://example.org"})
	for _, err := range []error{listed, synced} {
		if !errors.As(err, &failure) || failure.Code != sdk.CodeUnknownAction {
			t.Errorf("what came later: %v", err)
		}
	}
	received.Method = "GET" // it reads no method
	received.Secrets = []string{"sk_2"}
	var refusal *sdk.WebhookRefusal
	if _, err := p.VerifyWebhook(t.Context(), received); !errors.As(err, &refusal) || refusal.Reason != "another signature" {
		t.Errorf("got %v", err)
	}
}

// TestFrozenPluginFollowsNothing: would it use the tree's own code, it would prove
// only that the tree agrees with itself.
func TestFrozenPluginFollowsNothing(t *testing.T) {
	for dependency := range strings.Lines(goTool(t, "list", "-deps", "./protocol1")) {
		if path := strings.TrimSpace(dependency); strings.HasPrefix(path, "github.com/backflow/backflow/") && !strings.Contains(path, "/test/compatibility/") {
			t.Errorf("it imports %s", path)
		}
	}
}

func withDeadline(t *testing.T, deadline time.Time) context.Context {
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	t.Cleanup(cancel)
	return ctx
}

func goTool(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(output)
}
