package plugintest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Exercise checks what callers of plugins rely on, for any transport. It runs the
// fixture of core/plugin/internal and sdk/examples/hello.
func Exercise(t *testing.T, tr Transport) {
	t.Run("Ten line plugin works", func(t *testing.T) { tenLinePluginWorks(t, tr) })
	t.Run("Manifest crosses unchanged", func(t *testing.T) { manifestCrossesUnchanged(t, tr) })
	t.Run("Params and result cross byte for byte", func(t *testing.T) { paramsAndResultCrossByteForByte(t, tr) })
	t.Run("Errors cross unchanged", func(t *testing.T) { errorsCrossUnchanged(t, tr) })
	t.Run("A result reveals no secret", func(t *testing.T) { aResultRevealsNoSecret(t, tr) })
	t.Run("Failures of a call are its own", func(t *testing.T) { failuresOfACallAreItsOwn(t, tr) })
	t.Run("Deadline reaches the plugin", func(t *testing.T) { deadlineReachesThePlugin(t, tr) })
	t.Run("Hanging call ends in time and the rest go on", func(t *testing.T) { hangingCallEndsInTimeAndTheRestGoOn(t, tr) })
	t.Run("Lost call may have taken effect and may be repeated", func(t *testing.T) { lostCallMayHaveTakenEffectAndMayBeRepeated(t, tr) })
	t.Run("Full queue refuses at once", func(t *testing.T) { fullQueueRefusesAtOnce(t, tr) })
	t.Run("Webhooks cross", func(t *testing.T) { webhooksCross(t, tr) })
	t.Run("What a webhook brings beside its event crosses", func(t *testing.T) { webhookVerdictsCross(t, tr) })
	t.Run("Lists of events cross", func(t *testing.T) { listsOfEventsCross(t, tr) })
	t.Run("Endpoints cross", func(t *testing.T) { endpointsCross(t, tr) })
	t.Run("Plugin without webhooks says so", func(t *testing.T) { pluginWithoutWebhooksSaysSo(t, tr) })
	t.Run("Commands to a sandbox cross", func(t *testing.T) { commandsToASandboxCross(t, tr) })
	t.Run("Uses cross to a plugin that looks only", func(t *testing.T) { usesCrossToAPluginThatLooksOnly(t, tr) })
	t.Run("Uses that cannot be checked are an error", func(t *testing.T) { usesThatCannotBeCheckedAreAnError(t, tr) })
	t.Run("Plugin that is no sandbox gets no commands", func(t *testing.T) { pluginThatIsNoSandboxGetsNoCommands(t, tr) })
}

func tenLinePluginWorks(t *testing.T, tr Transport) {
	p, output := tr.Start(t, plugin.Member{Spec: plugin.Spec{Name: "hello", Path: tr.Path("hello")}})
	result, err := p.Execute(t.Context(), action.Call{Action: "greet", Params: value.TrustedDoc([]byte(`{"name":"Ada"}`)), RequestID: "req_7"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(result.Body), `{"message":"Hello, Ada!"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	Eventually(t, "the log line", func() bool {
		return strings.Contains(output.String(), `level=INFO msg=greeting plugin=hello action=greet requestId=req_7`)
	})
}

func manifestCrossesUnchanged(t *testing.T, tr Transport) {
	manifest := tr.StartReady(t, tr.Fixture()).Manifest()
	if manifest.Name != "fixture" || manifest.Version != "1.2.3-rc.1" || manifest.Description != "does what it is told" || !manifest.Sandbox || !manifest.ChecksUses {
		t.Errorf("got %+v", manifest)
	}
	want := sdk.ActionSpec{
		Name:        "echo",
		Description: "answers its params",
		Params:      manifest.Actions[0].Params,
		Result:      json.RawMessage(`{"type":"object"}`),
		HTTP:        &sdk.HTTPBinding{Method: "POST", Path: "/echo/:id", Query: "query", Reserved: []string{"limit"}, Body: "body"},
		Writes:      true,
		Repeat:      sdk.RepeatNative,
		KeyLifetime: 24 * time.Hour,
		Sensitive:   []string{"client_secret", "pin"},
		Permissions: []string{"Echoes: Write"},
		ByName:      true,
		Inner:       "calls",
		Tables:      "id",
		Variants: []sdk.Variant{
			{Param: "id", Pattern: "get.*", Permissions: []string{"Echoes: Read"}},
			{Param: "id", Pattern: "long.*", Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 720 * time.Hour},
		},
		Examples: []sdk.Example{{Params: json.RawMessage(`{"id":"x"}`), Result: json.RawMessage(`{"id":"x"}`)}},
	}
	if diff := cmp.Diff(want, manifest.Actions[0]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]sdk.CredentialPattern{{Field: "key", Pattern: "key_live_.*", Reason: "a live key"}}, manifest.NotInDev); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&sdk.WebhookCapability{
		EventTypes: []string{"a.b"}, SecretField: "key", Methods: []string{"GET", "HEAD"}, SignsURL: true,
		ListsEvents: true, FetchAction: "about", SyncsEndpoints: true,
	}, manifest.Webhook); diff != "" {
		t.Error(diff)
	}
}

func paramsAndResultCrossByteForByte(t *testing.T, tr Transport) {
	p := tr.StartReady(t, tr.Fixture())
	for _, params := range []string{`{}`, `{"n":12345678901234567890, "d":19.990,"e":1E+6}`, "{\"s\": \"\\u00e9é\"\n}", `{"big":"` + strings.Repeat("b", 5<<20) + `"}`} {
		if got := Call(t, p, "echo", params); got != params {
			t.Errorf("got %.80s, want %.80s", got, params)
		}
	}
}

func errorsCrossUnchanged(t *testing.T, tr Transport) {
	p := tr.StartReady(t, tr.Fixture())
	cases := map[string]struct{ given, want sdk.Error }{
		"every field": {
			given: sdk.Error{
				Code: sdk.CodeDeclined, Message: "no", Retryable: true, RetryAfter: 1500 * time.Millisecond, Outcome: sdk.OutcomeNotExecuted,
				Final: true, Faults: []sdk.Fault{{Pointer: "/a~1b/0", Message: "wrong"}, {Pointer: "", Message: "too"}},
				Details: json.RawMessage(`{"declineCode":"generic_decline","n":1.50}`),
			},
			want: sdk.Error{
				Code: sdk.CodeDeclined, Message: "no", Retryable: true, RetryAfter: 1500 * time.Millisecond, Outcome: sdk.OutcomeNotExecuted,
				Final: true, Faults: []sdk.Fault{{Pointer: "/a~1b/0", Message: "wrong"}, {Pointer: "", Message: "too"}},
				Details: json.RawMessage(`{"declineCode":"generic_decline","n":1.50}`),
			},
		},
		"no outcome means unknown": {
			given: sdk.Error{Code: sdk.CodeUpstream, Message: "m"},
			want:  sdk.Error{Code: sdk.CodeUpstream, Message: "m", Outcome: sdk.OutcomeUnknown},
		},
		"an effect that stands": {
			given: sdk.Error{Code: sdk.CodeUpstream, Message: "m", Outcome: sdk.OutcomeExecuted, Final: true},
			want:  sdk.Error{Code: sdk.CodeUpstream, Message: "m", Outcome: sdk.OutcomeExecuted, Final: true},
		},
		"a result too large, by an SDK that has no word for it": {
			given: sdk.Error{Code: sdk.CodeResultTooLarge, Message: "m"},
			want:  sdk.Error{Code: sdk.CodeResultTooLarge, Message: "m", Outcome: sdk.OutcomeExecuted, Final: true},
		},
		"an outcome of another name is unknown": {
			given: sdk.Error{Code: sdk.CodeUpstream, Message: "m", Outcome: "perhaps"},
			want:  sdk.Error{Code: sdk.CodeUpstream, Message: "m", Outcome: sdk.OutcomeUnknown},
		},
		"params that are refused are not executed": {
			given: sdk.Error{Code: sdk.CodeInvalidParams, Message: "m"},
			want:  sdk.Error{Code: sdk.CodeInvalidParams, Message: "m", Outcome: sdk.OutcomeNotExecuted},
		},
		"an unknown code is a bug": {
			given: sdk.Error{Code: "teapot", Message: "short and stout", Outcome: sdk.OutcomeNotExecuted},
			want: sdk.Error{
				Code:    sdk.CodeInternal,
				Message: `the plugin answered the unknown error code "teapot": short and stout`, Outcome: sdk.OutcomeNotExecuted,
			},
		},
		"details that are no object are dropped": {
			given: sdk.Error{Code: sdk.CodeNotFound, Message: "m", Details: json.RawMessage(`[1]`)},
			want:  sdk.Error{Code: sdk.CodeNotFound, Message: "m", Outcome: sdk.OutcomeUnknown},
		},
		"a long error is cut": {
			given: sdk.Error{
				Code: sdk.CodeRejected, Message: strings.Repeat("m", 1<<20), Details: json.RawMessage(`{"d":"` + strings.Repeat("d", 1<<20) + `"}`),
				Faults: slices.Repeat([]sdk.Fault{{Message: strings.Repeat("f", 5<<10)}}, 101),
			},
			want: sdk.Error{
				Code: sdk.CodeRejected, Message: strings.Repeat("m", 96<<10) + "…", Outcome: sdk.OutcomeUnknown,
				Faults: slices.Repeat([]sdk.Fault{{Message: strings.Repeat("f", 4<<10) + "…"}}, 100),
			},
		},
		"the wait is bounded": {
			given: sdk.Error{Code: sdk.CodeRateLimited, Message: "m", RetryAfter: math.MaxInt64},
			want:  sdk.Error{Code: sdk.CodeRateLimited, Message: "m", RetryAfter: 24 * time.Hour, Outcome: sdk.OutcomeUnknown},
		},
		"the wait is not negative": {
			given: sdk.Error{Code: sdk.CodeRateLimited, Message: "m", RetryAfter: -time.Hour},
			want:  sdk.Error{Code: sdk.CodeRateLimited, Message: "m", Outcome: sdk.OutcomeUnknown},
		},
		"a secret is hidden": {
			given: sdk.Error{
				Code: sdk.CodeCredentials, Message: `bad key $KEY`,
				Faults: []sdk.Fault{{Pointer: `/$KEY`, Message: `$KEY`}}, Details: json.RawMessage(`{"key":"$KEY","$KEY":1.50}`),
			},
			want: sdk.Error{
				Code: sdk.CodeCredentials, Message: "bad key ***", Outcome: sdk.OutcomeUnknown,
				Faults: []sdk.Fault{{Pointer: "/***", Message: "***"}}, Details: json.RawMessage(`{"key":"***","***":1.50}`),
			},
		},
		"the words of the caller stay": {
			given: sdk.Error{Code: sdk.CodeRejected, Message: `no key_s3cr3t/"x`, Details: json.RawMessage(`{"key_s3cr3t/\"x":"key_s3cr3t/\"x"}`)},
			want: sdk.Error{
				Code: sdk.CodeRejected, Message: `no key_s3cr3t/"x`, Outcome: sdk.OutcomeUnknown,
				Details: json.RawMessage(`{"key_s3cr3t/\"x":"key_s3cr3t/\"x"}`),
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			params, err := json.Marshal(c.given)
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Execute(t.Context(), action.Call{Action: "fail", Params: value.TrustedDoc(params)})
			var got *sdk.Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func aResultRevealsNoSecret(t *testing.T, tr Transport) {
	p := tr.StartReady(t, tr.Fixture())
	result, err := p.Execute(t.Context(), action.Call{Action: "reveal", Params: value.TrustedDoc([]byte(`{}`))})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(result.Body), `{"key":"***"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func failuresOfACallAreItsOwn(t *testing.T, tr Transport) {
	member := tr.Fixture()
	member.Spec.MemoryLimitMiB = 512 // room for the result that is too large
	p := tr.StartReady(t, member)
	cases := map[string]struct {
		action  string
		code    sdk.Code
		outcome sdk.Outcome
		message string
	}{
		"a plain error":       {"failPlainly", sdk.CodeInternal, sdk.OutcomeUnknown, "it did not work"},
		"a panic":             {"panic", sdk.CodeInternal, sdk.OutcomeUnknown, "the plugin panicked in panic: at the disco"},
		"not JSON":            {"notJSON", sdk.CodeInternal, sdk.OutcomeExecuted, "the plugin answered a result that is not JSON"},
		"no type":             {"oddType", sdk.CodeInternal, sdk.OutcomeExecuted, "the plugin returned a result whose content type is not valid (one that is: image/png)"},
		"a result too large":  {"large", sdk.CodeResultTooLarge, sdk.OutcomeExecuted, "the result has 34603008 bytes, more than the 33488896 that a plugin may answer"},
		"an action not known": {"nope", sdk.CodeUnknownAction, sdk.OutcomeNotExecuted, `plugin fixture has no action "nope"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := p.Execute(t.Context(), action.Call{Action: c.action, Params: value.TrustedDoc([]byte(`{}`))})
			var got *sdk.Error
			if !errors.As(err, &got) || got.Code != c.code || got.Outcome != c.outcome || got.Message != c.message {
				t.Errorf("got %#v", err)
			}
		})
	}
	if state := p.Status().State; state != action.StateReady {
		t.Errorf("the plugin is %s", state)
	}
	if got := Call(t, p, "nothing", `{}`); got != "null" {
		t.Errorf("an empty result is %q", got)
	}
}

func deadlineReachesThePlugin(t *testing.T, tr Transport) {
	member := tr.Fixture()
	member.Spec.Timeout = time.Minute
	p := tr.StartReady(t, member)
	for name, c := range map[string]struct{ callers, most time.Duration }{
		"the caller's, where it is shorter": {10 * time.Second, 10 * time.Second},
		"the plugin's own else":             {time.Hour, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.callers)
			defer cancel()
			result, err := p.Execute(ctx, action.Call{Action: "deadline", Params: value.TrustedDoc([]byte(`{}`))})
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Set  bool
				Left time.Duration
			}
			if err := json.Unmarshal(result.Body, &got); err != nil {
				t.Fatal(err)
			}
			if !got.Set || got.Left > c.most || got.Left < c.most/2 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func hangingCallEndsInTimeAndTheRestGoOn(t *testing.T, tr Transport) {
	member := tr.Fixture()
	member.Spec.Timeout = 200 * time.Millisecond
	p := tr.StartReady(t, member)
	_, err := p.Execute(t.Context(), action.Call{Action: "sleep", Params: value.TrustedDoc([]byte(`{}`))})
	var got *sdk.Error
	if !errors.As(err, &got) || got.Code != sdk.CodeTimeout || got.Outcome != sdk.OutcomeUnknown {
		t.Errorf("got %#v", err)
	}
	if got := Call(t, p, "echo", `{}`); got != `{}` {
		t.Errorf("got %s", got)
	}
}

// The caller knows the action and decides whether to repeat a lost call. The error says
// that a repeat might succeed, and that the call may have taken effect already.
func lostCallMayHaveTakenEffectAndMayBeRepeated(t *testing.T, tr Transport) {
	for name, code := range map[string]sdk.Code{"sleep": sdk.CodeTimeout, "exit": sdk.CodeUnavailable, "crash": sdk.CodeUnavailable} {
		member := tr.Fixture()
		if code == sdk.CodeTimeout {
			member.Spec.Timeout = 200 * time.Millisecond
		}
		p := tr.StartReady(t, member)
		_, err := p.Execute(t.Context(), action.Call{Action: name, Params: value.TrustedDoc([]byte(`{}`))})
		var got *sdk.Error
		if !errors.As(err, &got) || got.Code != code || got.Outcome != sdk.OutcomeUnknown || !got.Retryable || got.Final {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}

func fullQueueRefusesAtOnce(t *testing.T, tr Transport) {
	member := tr.Fixture()
	member.Spec.MaxConcurrency = 1
	p, output := tr.Start(t, member)
	ctx, cancel := context.WithCancel(t.Context())
	// One runs, eight wait, the others are refused.
	const callers = 20
	codes := make(chan *sdk.Error, callers)
	for range callers {
		go func() {
			_, err := p.Execute(ctx, action.Call{Action: "sleep", Params: value.TrustedDoc([]byte(`{}`))})
			var e *sdk.Error
			errors.As(err, &e)
			codes <- e
		}()
	}
	for range callers - 9 {
		if e := <-codes; e.Code != sdk.CodeUnavailable || e.Outcome != sdk.OutcomeNotExecuted || !e.Retryable {
			t.Errorf("got %#v", e)
		}
	}
	// Before that, the one that has the place may not have been sent either.
	Eventually(t, "a call that runs", func() bool { return strings.Contains(output.String(), "msg=asleep") })
	cancel()
	waited := 0
	for range 9 {
		if e := <-codes; e.Code == sdk.CodeTimeout && e.Outcome == sdk.OutcomeNotExecuted {
			waited++
		}
	}
	if waited != 8 {
		t.Errorf("%d calls were never sent, want 8", waited)
	}
}

func webhooksCross(t *testing.T, tr Transport) {
	p := tr.StartReady(t, tr.Fixture())
	request := sdk.WebhookRequest{
		Headers:   map[string][]string{textproto.CanonicalMIMEHeaderKey("signature"): {"whsec_1"}, "X-Latin": {"caf\xe9"}},
		Body:      []byte("evt_1"),
		URL:       "https://example.org/hook",
		Secrets:   []string{"whsec_1"},
		Now:       time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Tolerance: 5 * time.Minute,
	}
	event, err := p.VerifyWebhook(t.Context(), request)
	if err != nil || event.ID != "evt_1" || event.Type != "2026-01-02T03:04:05.000000006Z 5m0s" {
		t.Errorf("got %+v, %v", event, err)
	}
	if event.Livemode != nil || event.Flags != nil {
		t.Errorf("an event without mode and flags has %v, %v", event.Livemode, event.Flags)
	}
	for mode, live := range map[string]bool{"live": true, "test": false} {
		of := request
		of.Body = []byte("evt_mode_" + mode)
		event, err := p.VerifyWebhook(t.Context(), of)
		if err != nil || event.Livemode == nil || *event.Livemode != live || !slices.Equal(event.Flags, []string{"odd", "livemode"}) {
			t.Errorf("%s: got %+v, %v", mode, event, err)
		}
	}
	request.Headers["Signature"] = []string{"forged"}
	_, err = p.VerifyWebhook(t.Context(), request)
	var refusal *sdk.WebhookRefusal
	if !errors.As(err, &refusal) || refusal.Reason != "signature forged is not ***" || refusal.Genuine {
		t.Errorf("got %#v", err)
	}
	request.Headers["Signature"] = []string{"unreadable"}
	_, err = p.VerifyWebhook(t.Context(), request)
	if !errors.As(err, &refusal) || refusal.Reason != "no event, signed with ***" || !refusal.Genuine {
		t.Errorf("got %#v", err)
	}
	request.Headers["Signature"] = []string{"break"}
	_, err = p.VerifyWebhook(t.Context(), request)
	if !errors.Is(err, &sdk.Error{Code: sdk.CodeUpstream}) {
		t.Errorf("got %#v", err)
	}
	sample, err := p.SampleWebhook(t.Context(), sdk.SampleRequest{EventType: "a.b", Set: map[string]string{"a": "1"}, Secret: "s"})
	if err != nil || string(sample.Body) != "a.b1" || sample.Headers["Signature"] != "s" || sample.Before != nil {
		t.Errorf("got %+v, %v", sample, err)
	}
	sample, err = p.SampleWebhook(t.Context(), sdk.SampleRequest{EventType: "a.b", Secret: "s", Chain: true})
	signed := map[string]string{"Signature": "s"}
	want := sdk.Sample{Headers: signed, Body: []byte("a.b"), Before: []sdk.Sample{{Headers: signed, Body: []byte("first")}, {Headers: signed, Body: []byte("second")}}}
	if diff := cmp.Diff(want, sample); err != nil || diff != "" {
		t.Errorf("a chain: %v %s", err, diff)
	}
}

func pluginWithoutWebhooksSaysSo(t *testing.T, tr Transport) {
	p, _ := tr.Start(t, plugin.Member{Spec: plugin.Spec{Name: "hello", Path: tr.Path("hello")}})
	_, verified := p.VerifyWebhook(t.Context(), sdk.WebhookRequest{Secrets: []string{"s"}})
	_, listed := p.ListEvents(t.Context(), sdk.ListEventsRequest{Limit: 1})
	_, synced := p.SyncEndpoint(t.Context(), sdk.SyncEndpointRequest{URL: "https://example.org"})
	for _, err := range []error{verified, listed, synced} {
		if !errors.Is(err, &sdk.Error{Code: sdk.CodeUnknownAction}) {
			t.Errorf("got %#v", err)
		}
	}
}

func commandsToASandboxCross(t *testing.T, tr Transport) {
	member := tr.Fixture()
	member.Config.Sandbox = true
	member.Config.Webhooks = []sdk.WebhookTarget{{Name: "events", URL: "http://127.0.0.1:1/webhooks/a", Secret: "whsec_t4rget"}}
	p := tr.StartReady(t, member)
	result, err := p.ControlSandbox(t.Context(), sdk.SandboxCommand{Name: "tell", Params: json.RawMessage(`{"n":1.50}`)})
	want := `{"params":{"n":1.50},"webhooks":[{"name":"events","url":"http://127.0.0.1:1/webhooks/a","secret":"***"}]}`
	if err != nil || string(result) != want {
		t.Errorf("got %s, %v, want %s", result, err, want)
	}
	for name, want := range map[string]*sdk.Error{
		"nope":    {Code: sdk.CodeNotFound, Message: "no command nope"},
		"notJSON": {Code: sdk.CodeInternal, Message: "notJSON: the plugin answered a result that is not JSON"},
	} {
		_, err := p.ControlSandbox(t.Context(), sdk.SandboxCommand{Name: name, Params: json.RawMessage(`{}`)})
		var got *sdk.Error
		if !errors.As(err, &got) || got.Code != want.Code || got.Message != want.Message {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}

func pluginThatIsNoSandboxGetsNoCommands(t *testing.T, tr Transport) {
	tell := sdk.SandboxCommand{Name: "tell", Params: json.RawMessage(`{}`)}
	for name, member := range map[string]plugin.Member{
		"it has credentials": tr.Fixture(),
		"it has no sandbox":  {Spec: plugin.Spec{Name: "hello", Path: tr.Path("hello")}},
	} {
		_, err := tr.StartReady(t, member).ControlSandbox(t.Context(), tell)
		var got *sdk.Error
		if !errors.As(err, &got) || got.Code != sdk.CodeNotFound || !strings.Contains(got.Message, "is not in its sandbox") {
			t.Errorf("%s: got %#v", name, err)
		}
	}
}

func usesCrossToAPluginThatLooksOnly(t *testing.T, tr Transport) {
	got, err := plugin.CheckUses(t.Context(), tr.Launcher(t), tr.Fixture(), []sdk.Use{
		{Action: "insert", Params: json.RawMessage(`{"n":1.50,"t":"{{input.a}}"}`), Open: []string{"/t", "/a~1b"}},
		{Action: "select", Params: json.RawMessage(`{}`)},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	want := []sdk.UseFault{
		{Use: sdk.OfCredentials, Pointer: "/key", Message: `inspect true, {"key":"***"}`},
		{Use: 0, Pointer: "/a~1b", Message: `insert {"n":1.50,"t":"{{input.a}}"} ["/t" "/a~1b"]`},
		{Use: 1, Pointer: "/a~1b", Message: `select {} []`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func usesThatCannotBeCheckedAreAnError(t *testing.T, tr Transport) {
	unconfigured := tr.Fixture()
	unconfigured.Config.Credentials = nil
	hello := plugin.Member{Spec: plugin.Spec{Name: "hello", Path: tr.Path("hello")}}
	for name, c := range map[string]struct {
		member plugin.Member
		action string
		want   string
	}{
		"the vendor is down":        {tr.Fixture(), "unreachable", `plugin fixture: check uses: nothing listens with {"key":"***"}`},
		"a fault of no use":         {tr.Fixture(), "astray", "plugin fixture: it returned a fault of use 1, and there are 1"},
		"there are no credentials":  {unconfigured, "insert", "plugin fixture: "},
		"the plugin has no checker": {hello, "greet", "plugin hello: it cannot check how it is used"},
	} {
		_, err := plugin.CheckUses(t.Context(), tr.Launcher(t), c.member, []sdk.Use{{Action: c.action, Params: json.RawMessage(`{}`)}}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}
