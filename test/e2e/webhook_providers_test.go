package e2e

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/test/program"
)

// publicURL is by what address the senders of these tests know the gateway.
const publicURL = "https://hooks.example.com"

// hook is a webhook of a built-in provider, with the secret that its sender has.
type hook struct {
	provider.Provider
	secret string
}

func (h hook) path() string { return "/webhooks/" + h.Name }

// sample is a signed request of the first type of event that the provider makes.
func (h hook) sample(t *testing.T, secret string) program.Request {
	t.Helper()
	made, err := h.Sample(t.Context(), sdk.SampleRequest{EventType: h.EventTypes[0], Secret: secret, Now: time.Now(), URL: publicURL + h.path()})
	if err != nil {
		t.Fatalf("%s: %v", h.Name, err)
	}
	return program.Request{Method: http.MethodPost, Path: h.path(), Body: string(made.Body), Header: made.Headers}
}

// builtInHooks are webhooks of all built-in providers.
func builtInHooks() []hook {
	var hooks []hook
	for _, name := range provider.BuiltIn().Names() {
		found, _ := provider.BuiltIn().Lookup(name, nil)
		hooks = append(hooks, hook{found, found.NewSecret()})
	}
	return hooks
}

// withHooks writes a config that has webhooks, and a token for apiToken.
func (h *harness) withHooks(t *testing.T, hooks []hook) {
	t.Helper()
	var webhooks []map[string]any
	for _, hook := range hooks {
		webhook := map[string]any{
			"name": hook.Name, "path": hook.path(), "provider": hook.Name, "secret": hook.secret,
			"actions": []any{map[string]any{"id": "seen", "type": "set", "values": map[string]any{"type": "{{event.type}}", "payload": "{{payload}}"}}},
		}
		if hook.Challenge.Tokened {
			webhook["challenge"] = map[string]any{"verifyToken": "token-of-" + hook.Name}
		}
		if hook.Name == provider.Custom {
			webhook["custom"] = map[string]any{"header": "X-Signature", "timestampHeader": "X-Time", "idHeader": "X-Id", "content": "{{id}}.{{timestamp}}.{{body}}"}
		}
		webhooks = append(webhooks, webhook)
	}
	hash := sha256.Sum256([]byte(apiToken))
	text, err := json.Marshal(map[string]any{
		"server":   map[string]any{"listen": "127.0.0.1:0", "publicUrl": publicURL},
		"auth":     map[string]any{"tokens": []any{map[string]any{"name": "shop", "hash": "sha256:" + hex.EncodeToString(hash[:]), "scopes": []string{"*"}}}},
		"webhooks": webhooks,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.WriteConfig("backflow.json", string(text))
}

// TestEveryBuiltInProviderIsTriggered: `dev` makes a secret in the form of its sender's,
// and `trigger` signs with it what the gateway takes in, or replies to.
func TestEveryBuiltInProviderIsTriggered(t *testing.T) {
	t.Parallel()
	h := &harness{Site: program.NewSite(t, binaries)}
	hooks := append([]hook{{Provider: provider.Provider{Name: provider.Custom, EventTypes: []string{"test"}}}}, builtInHooks()...)
	for i := range hooks {
		hooks[i].secret = "{{env.NOT_SET}}"
	}
	h.withHooks(t, hooks)
	g := h.Dev()
	for i, hook := range hooks {
		if i > 5 && !testkit.LongRun() && !hook.SignsURL {
			continue
		}
		code, out, stderr := h.Run("trigger", hook.Name, hook.EventTypes[0])
		if code != 0 {
			t.Errorf("%s: exit code %d: %s%s", hook.Name, code, out, stderr)
		}
	}
	list := program.Want(t, 200, g.Get("/runs?limit=100&workflow=webhook:github"))
	if runs := list.Field("data").([]any); len(runs) != 1 {
		t.Errorf("GitHub has started %d runs, not one", len(runs))
	}
	if _, log := g.Output(); strings.Contains(log, "whsec_") {
		t.Error("the log shows a secret")
	}
}

// unsignedBody are the providers that sign no body: one that is changed has the same id.
var unsignedBody = []string{"gitlab", "mailgun"}

// alike are the providers whose events say so little that two of them are the same bytes:
// each that comes is an event.
var alike = []string{"dropbox"}

// TestEveryBuiltInProviderIsReceivedOnceAndNeverForged: one gateway has a webhook of each.
// A signed sample is an event whose actions run, once; one that is signed with another
// secret, changed on its way or not signed runs nothing.
func TestEveryBuiltInProviderIsReceivedOnceAndNeverForged(t *testing.T) {
	t.Parallel()
	h := &harness{Site: program.NewSite(t, binaries)}
	hooks := builtInHooks()
	h.withHooks(t, hooks)
	g := h.Serve(apiToken)
	for _, hook := range hooks {
		t.Run(hook.Name, func(t *testing.T) {
			g := g.In(t)
			request := hook.sample(t, hook.secret)
			events := 1
			if slices.Contains(alike, hook.Name) {
				events = 2
			}
			first := program.Want(t, 200, g.Do(request))
			again := program.Want(t, 200, g.Do(request))
			if isReceipt(first) && (first.Field("duplicate") != nil || (again.Field("duplicate") == true) != (events == 1)) {
				t.Errorf("first %s, then %s", first.Body, again.Body)
			}
			forged := g.Do(hook.sample(t, hook.NewSecret()))
			if forged.Status != 400 || forged.Text("code") != "webhook_refused" {
				t.Errorf("with another secret: %d %s", forged.Status, forged.Body)
			}
			unsigned := g.Post(hook.path(), fmt.Sprintf(`{"id":%q}`, hook.Name))
			if unsigned.Status/100 != 4 {
				t.Errorf("without a signature: %d %s", unsigned.Status, unsigned.Body)
			}
			changed := request
			i := bytes.LastIndexAny([]byte(request.Body), "abcdefghijklmnopqrstuvwxyz")
			changed.Body = request.Body[:i] + string(request.Body[i]^1) + request.Body[i+1:]
			if got := g.Do(changed); got.Status != 400 && !(got.Field("duplicate") == true && slices.Contains(unsignedBody, hook.Name)) {
				t.Errorf("changed: %d %s", got.Status, got.Body)
			}
			var runs []any
			testkit.Eventually(t, 30*time.Second, "the actions ran", func() bool {
				runs, _ = program.Want(t, 200, g.Get("/runs?workflow=webhook:"+hook.Name)).Field("data").([]any)
				return len(runs) > 0 && !slices.ContainsFunc(runs, func(run any) bool { return run.(map[string]any)["status"] != "succeeded" })
			})
			if len(runs) != events {
				t.Errorf("%d runs of %d events", len(runs), events)
			}
			run := program.Want(t, 200, g.Get(fmt.Sprint("/runs/", runs[0].(map[string]any)["id"])))
			if got := run.Text("steps.0.result.type"); got != hook.EventTypes[0] {
				t.Errorf("the actions saw the type %q, not %q: %s", got, hook.EventTypes[0], run.Body)
			}
		})
	}
}

// TestChallengesAreRepliedToAndForgedOnesRefusedAsTheirSendersWant: of no challenge is
// anything kept.
func TestChallengesAreRepliedToAndForgedOnesRefusedAsTheirSendersWant(t *testing.T) {
	t.Parallel()
	h := &harness{Site: program.NewSite(t, binaries)}
	hooks, secrets := builtInHooks(), map[string]string{}
	for _, hook := range hooks {
		secrets[hook.Name] = hook.secret
	}
	h.withHooks(t, hooks)
	g := h.Serve(apiToken)
	post := func(name, body string, header map[string]string) program.Response {
		return g.Do(program.Request{Method: http.MethodPost, Path: "/webhooks/" + name, Body: body, Header: header})
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	discord := func(body, signed string) program.Response {
		seed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secrets["discord"], "whsk_"))
		if err != nil {
			t.Fatal(err)
		}
		signature := ed25519.Sign(ed25519.NewKeyFromSeed(seed), []byte(now+signed))
		return post("discord", body, map[string]string{"X-Signature-Ed25519": hex.EncodeToString(signature), "X-Signature-Timestamp": now})
	}
	xero := func(body, signed string) program.Response {
		mac := hmac.New(sha256.New, []byte(secrets["xero"]))
		mac.Write([]byte(signed))
		return post("xero", body, map[string]string{"X-Xero-Signature": base64.StdEncoding.EncodeToString(mac.Sum(nil))})
	}
	const (
		ping   = `{"type":1,"application_id":"1","id":"2"}`
		events = `{"type":0,"application_id":"1"}`
		intent = `{"events":[],"entropy":"S0m3r4Nd0mt3xt"}`
	)
	for name, c := range map[string]struct {
		got    program.Response
		status int
		body   string // empty is not compared
	}{
		"a ping":                                  {discord(ping, ping), 200, `{"type":1}`},
		"a ping with another signature":           {discord(ping, "-"), 401, ""},
		"a ping of webhook events":                {discord(events, events), 204, ""},
		"an interaction with another signature":   {discord(`{"type":2,"id":"3"}`, "-"), 400, ""},
		"the intent to receive":                   {xero(intent, intent), 200, ""},
		"an intent with another signature":        {xero(intent, "-"), 401, ""},
		"events with another signature":           {xero(`{"events":[{"eventType":"UPDATE"}]}`, "-"), 400, ""},
		"the ping of a shop, which is not signed": {post("woocommerce", "webhook_id=1", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}), 200, "ok"},
	} {
		if c.got.Status != c.status || c.body != "" && string(c.got.Body) != c.body {
			t.Errorf("%s: %d %s, want %d %s", name, c.got.Status, c.got.Body, c.status, c.body)
		}
	}
	if runs := program.Want(t, 200, g.Get("/runs")).Field("data").([]any); len(runs) != 0 {
		t.Errorf("challenges have started %d runs", len(runs))
	}
}

// isReceipt reports whether a response is the gateway's own, and not what the sender
// expects.
func isReceipt(r program.Response) bool {
	return r.Header.Get("Content-Type") == "application/json" && r.Field("received") == true
}
