package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/test/program"
)

// hooksOf writes a config that has these webhooks, on the harness's store.
func (h *harness) hooksOf(t *testing.T, webhooks ...map[string]any) {
	t.Helper()
	hash := sha256.Sum256([]byte(apiToken))
	state := map[string]any{}
	if h.redis != nil {
		state["url"] = h.redis.URL()
	}
	text, err := json.Marshal(map[string]any{
		"server":   map[string]any{"listen": "127.0.0.1:0"},
		"auth":     map[string]any{"tokens": []any{map[string]any{"name": "shop", "hash": "sha256:" + hex.EncodeToString(hash[:]), "scopes": []string{"*"}}}},
		"state":    state,
		"webhooks": webhooks,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.WriteConfig("backflow.json", string(text))
}

const ownSecret = "a-secret-of-the-sender"

// ownHook is a webhook of a sender that signs the body alone.
func ownHook(keys map[string]any) map[string]any {
	hook := map[string]any{
		"name": "own", "path": "/webhooks/own", "provider": "custom", "secret": ownSecret,
		"custom":  map[string]any{"header": "X-Signature", "idHeader": "X-Id"},
		"actions": []any{map[string]any{"id": "seen", "type": "set", "values": map[string]any{"payload": "{{payload}}", "query": "{{query}}"}}},
	}
	for key, v := range keys {
		hook[key] = v
	}
	return hook
}

func ownRequest(secret, id, body string) program.Request {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return program.Request{
		Method: http.MethodPost, Path: "/webhooks/own", Body: body, Token: "none",
		Header: map[string]string{"X-Signature": hex.EncodeToString(mac.Sum(nil)), "X-Id": id, "Content-Type": "application/json"},
	}
}

// runsOf are the ids of the runs of a webhook that have ended well, of which there are n.
func runsOf(t *testing.T, g *program.Gateway, webhook string, n int) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, fmt.Sprintf("%d events of %s are processed", n, webhook), func() bool {
		list := program.Want(t, 200, g.In(t).Get("/runs?limit=100&status=succeeded&workflow=webhook:"+webhook))
		return len(list.Field("data").([]any)) == n
	})
	if all := program.Want(t, 200, g.In(t).Get("/runs?limit=100&workflow=webhook:"+webhook)); len(all.Field("data").([]any)) != n {
		t.Errorf("there are more runs of %s than %d events: %s", webhook, n, all.Body)
	}
}

// TestACapturedDeliveryUnderAForgedIDRunsNothingOverHTTP: of senders that do not sign the
// id, twenty at once, on two gateways where there can be two, and after a restart.
func TestACapturedDeliveryUnderAForgedIDRunsNothingOverHTTP(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		captured := map[string]struct {
			header  string
			request program.Request
		}{"own": {"X-Id", ownRequest(ownSecret, "evt_first", `{"type":"paid"}`)}}
		hooks := []map[string]any{ownHook(nil)}
		for name, header := range map[string]string{"github": "X-GitHub-Delivery", "shopify": "X-Shopify-Webhook-Id"} {
			found, _ := provider.BuiltIn().Lookup(name, nil)
			secret := found.NewSecret()
			sample, err := found.Sample(t.Context(), sdk.SampleRequest{EventType: found.EventTypes[0], Secret: secret, Now: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			one := captured[name]
			one.header = header
			one.request = program.Request{Method: http.MethodPost, Path: "/webhooks/" + name, Body: string(sample.Body), Header: map[string]string{}, Token: "none"}
			for key, text := range sample.Headers {
				one.request.Header[http.CanonicalHeaderKey(key)] = text
			}
			one.header = http.CanonicalHeaderKey(header)
			if one.request.Header[one.header] == "" {
				t.Fatalf("%s: the sample has no %s: %v", name, header, one.request.Header)
			}
			captured[name] = one
			hooks = append(hooks, map[string]any{
				"name": name, "path": "/webhooks/" + name, "provider": name, "secret": secret,
				"actions": []any{map[string]any{"type": "set", "values": map[string]any{"x": 1}}},
			})
		}
		h.hooksOf(t, hooks...)
		gateways := []*program.Gateway{h.Serve(apiToken)}
		if h.redis != nil {
			gateways = append(gateways, h.Serve(apiToken))
		}
		for name, one := range captured {
			under := func(id string) program.Request {
				forged := one.request
				forged.Header = map[string]string{}
				for key, text := range one.request.Header {
					forged.Header[key] = text
				}
				forged.Header[one.header] = id
				return forged
			}
			var wg sync.WaitGroup
			responses := make([]program.Response, 20)
			errs := make([]error, len(responses))
			for i := range responses {
				wg.Go(func() {
					responses[i], errs[i] = gateways[i%len(gateways)].Send(under(fmt.Sprintf("evt_%d", i)))
				})
			}
			wg.Wait()
			first := ""
			for i, r := range responses {
				switch {
				case errs[i] != nil || r.Status != 200:
					t.Errorf("%s: %d %s, %v", name, r.Status, r.Body, errs[i])
				case r.Field("duplicate") == nil && first == "":
					first = r.Text("id")
				case r.Field("duplicate") == nil:
					t.Errorf("%s: %s and %s were both the first", name, first, r.Text("id"))
				}
			}
			for _, r := range responses {
				if r.Text("id") != first {
					t.Errorf("%s: the response names %q, not the first %q", name, r.Text("id"), first)
				}
			}
			runsOf(t, gateways[0], name, 1)
		}
		g := h.restart(gateways[0])
		for name, one := range captured {
			forged := one.request
			forged.Header[one.header] = "evt_after_a_restart"
			if again := program.Want(t, 200, g.Do(forged)); again.Field("duplicate") != true {
				t.Errorf("%s: after a restart: %s", name, again.Body)
			}
			runsOf(t, g, name, 1)
		}
		// Another body under an id that is taken is that event, and runs nothing either.
		program.Want(t, 200, g.Do(ownRequest(ownSecret, "evt_other", `{"type":"other"}`)))
		if taken := program.Want(t, 200, g.Do(ownRequest(ownSecret, "evt_other", `{"type":"third"}`))); taken.Field("duplicate") != true {
			t.Errorf("a taken id: %s", taken.Body)
		}
		runsOf(t, g, "own", 2)
	})
}

// TestASecretIsRotatedWithoutARefusal: while a sender sends without a pause, the config
// is given the new secret, in either order, the sender changes over, and the old secret
// is taken out.
func TestASecretIsRotatedWithoutARefusal(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	const newSecret = "another-secret-of-the-sender"
	hook := func(secrets ...string) map[string]any {
		hook := ownHook(map[string]any{"secrets": secrets})
		delete(hook, "secret")
		return hook
	}
	h.hooksOf(t, hook(ownSecret))
	g := h.Serve(apiToken)
	var secret atomic.Value
	secret.Store(ownSecret)
	var sent atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := sent.Add(1)
				r, err := g.Send(ownRequest(secret.Load().(string), fmt.Sprintf("evt_%d", n), fmt.Sprintf(`{"n":%d}`, n)))
				if err != nil || r.Status != 200 {
					t.Errorf("event %d: %d %s, %v", n, r.Status, r.Body, err)
					return
				}
			}
		})
	}
	// A probe with a secret that only the config that is waited for takes, or refuses.
	probes := 0
	put := func(status int, with string, secrets ...string) {
		t.Helper()
		h.hooksOf(t, hook(secrets...))
		g.Signal(syscall.SIGHUP)
		testkit.Eventually(t, eventually, "the config is in force", func() bool {
			probes++
			return g.Do(ownRequest(with, fmt.Sprintf("probe_%d", probes), fmt.Sprintf(`{"probe":%d}`, probes))).Status == status
		})
	}
	goesOn := func() {
		t.Helper()
		before := sent.Load()
		testkit.Eventually(t, eventually, "the sender goes on", func() bool { return sent.Load() > before+20 || t.Failed() })
	}
	goesOn()
	put(200, newSecret, newSecret, ownSecret)
	goesOn()
	put(200, "a-third-secret", ownSecret, newSecret, "a-third-secret")
	goesOn()
	secret.Store(newSecret)
	goesOn()
	put(400, "a-third-secret", ownSecret, newSecret)
	goesOn()
	put(400, ownSecret, newSecret)
	goesOn()
	close(stop)
	wg.Wait()
}

// TestAWebhookFiltersRespondsAndRemembersWhatItRefused, on the real binary.
func TestAWebhookFiltersRespondsAndRemembersWhatItRefused(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		own := ownHook(map[string]any{
			"filter": "{{payload.amount}} > 5 && {{query.shop}} === 'a'", "keepRefused": true,
			"respond": map[string]any{"type": "application/xml", "body": "<Response><Say>{{payload.text}}</Say></Response>"},
		})
		h.hooksOf(t, own)
		g := h.Serve(apiToken)
		send := func(id, body string) program.Response {
			r := ownRequest(ownSecret, id, body)
			r.Path += "?shop=a&shop=b"
			if id != "evt_two_shops" {
				r.Path = "/webhooks/own?shop=a"
			}
			return g.Do(r)
		}
		const answer = "<Response><Say>&lt;Dial/&gt;</Say></Response>"
		for id, body := range map[string]string{
			"evt_passes": `{"amount":6,"text":"<Dial/>"}`, "evt_filtered": `{"amount":5,"text":"<Dial/>"}`, "evt_two_shops": `{"amount":7,"text":"<Dial/>"}`,
		} {
			for range 2 {
				if r := send(id, body); r.Status != 200 || string(r.Body) != answer || r.Header.Get("Content-Type") != "application/xml" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s: %d %s %v", id, r.Status, r.Body, r.Header)
				}
			}
		}
		runsOf(t, g, "own", 1)
		list := program.Want(t, 200, g.Get("/runs?workflow=webhook:own"))
		run := program.Want(t, 200, g.Get("/runs/"+list.Text("data.0.id")))
		if run.Text("steps.0.result.query.shop") != "a" {
			t.Errorf("the actions saw %s", run.Body)
		}
		filtered := program.Want(t, 200, g.Get("/events/evt_filtered"))
		if filtered.Text("status") != "filtered" || filtered.Field("run") != nil || filtered.Text("payload.text") != "<Dial/>" {
			t.Errorf("the filtered event is %s", filtered.Body)
		}

		// A filter that fails loses nothing, and runs nothing.
		if r := send("evt_odd", `{"text":"<Dial/>"}`); r.Status != 200 || string(r.Body) != answer {
			t.Errorf("evt_odd: %d %s", r.Status, r.Body)
		}
		testkit.Eventually(t, 30*time.Second, "its run has failed with the reason", func() bool {
			odd := program.Want(t, 200, g.Get("/events/evt_odd"))
			return odd.Text("status") == "failed" && strings.Contains(string(odd.Body), "payload.amount is missing")
		})

		// What is refused is remembered, over a reload too.
		wrong := ownRequest("wrong", "evt_wrong", `{"amount":6}`)
		wrong.Header["Authorization"] = "Bearer hush"
		if r := g.Do(wrong); r.Status != 400 || r.Text("code") != "webhook_refused" {
			t.Errorf("a wrong secret: %d %s", r.Status, r.Body)
		}
		tooLarge := ownRequest(ownSecret, "evt_large", strings.Repeat(" ", 1<<20+1))
		tooLarge.Header["Expect"] = "100-continue" // else the connection may end before the body is sent
		if r := g.Do(tooLarge); r.Status != 413 {
			t.Errorf("too large: %d %s", r.Status, r.Body)
		}
		own["path"] = "/webhooks/own/moved"
		h.hooksOf(t, own)
		g.Signal(syscall.SIGHUP)
		moved := program.Request{Method: http.MethodGet, Path: "/webhooks/own/moved", Token: "none"}
		testkit.Eventually(t, eventually, "the reload is done", func() bool { return g.Do(moved).Status == 405 })
		refused := program.Want(t, 200, g.Get("/webhooks/own/refused"))
		if len(refused.Field("data").([]any)) != 2 || refused.Text("data.0.kind") != "too_large" || refused.Text("data.1.kind") != "signature" || bytes.Contains(refused.Body, []byte("hush")) {
			t.Errorf("refused are %s", refused.Body)
		}
		one := program.Want(t, 200, g.Get("/webhooks/own/refused/1"))
		if one.Text("body") != `{"amount":6}` || bytes.Contains(one.Body, []byte("hush")) || one.Text("client") != "127.0.0.1" {
			t.Errorf("the first is %s", one.Body)
		}
	})
}

// TestABodyThatCannotBeReadIsRefusedAndTheNextOneIsTaken: signed right, and yet no JSON
// that templates could read, or larger than what is received; then the same event whole.
func TestABodyThatCannotBeReadIsRefusedAndTheNextOneIsTaken(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		h.hooksOf(t, ownHook(nil))
		g := h.Serve(apiToken)
		for name, c := range map[string]struct {
			body   string
			status int
		}{
			"not UTF-8":               {"{\"a\":\"\xff\"}", 400},
			"a name twice":            {`{"a":1,"a":2}`, 400},
			"nested deeper":           {strings.Repeat("[", 600) + strings.Repeat("]", 600), 400},
			"larger than a run":       {`{"a":"` + strings.Repeat("x", 1<<20-8) + `"}`, 413},
			"larger than is received": {strings.Repeat("x", 1<<20+1), 413},
		} {
			id := "evt_" + strings.ReplaceAll(name, " ", "_")
			request := ownRequest(ownSecret, id, c.body)
			request.Header["Expect"] = "100-continue" // else the connection may end before the body is sent
			if r := g.Do(request); r.Status != c.status {
				t.Errorf("%s: %d %.200s, want %d", name, r.Status, r.Body, c.status)
			}
			if r := g.Do(ownRequest(ownSecret, id, fmt.Sprintf(`{"whole":%q}`, id))); r.Status != 200 || r.Field("duplicate") != nil {
				t.Errorf("%s, then whole: %d %s", name, r.Status, r.Body)
			}
		}
		if r := g.Do(ownRequest("wrong", "evt_1", `{"n":1}`)); r.Status != 400 {
			t.Errorf("a wrong secret: %d", r.Status)
		}
		if r := g.Do(ownRequest(ownSecret, "evt_1", `{"n":1}`)); r.Status != 200 || r.Field("duplicate") != nil {
			t.Errorf("then the right one: %d %s", r.Status, r.Body)
		}
		if r := g.Do(ownRequest(ownSecret, "evt_large", `{"a":"`+strings.Repeat("x", 1000<<10)+`"}`)); r.Status != 200 {
			t.Errorf("a large one: %d %.200s", r.Status, r.Body)
		}
		runsOf(t, g, "own", 7)
	})
}

// TestAnEventThatTheStoreCouldNotTakeIsTakenWhenItIsSentAgain: 503 meanwhile, and one run.
func TestAnEventThatTheStoreCouldNotTakeIsTakenWhenItIsSentAgain(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	h := newHarness(t, "stripe.redis.json")
	h.hooksOf(t, ownHook(nil))
	g := h.Serve(apiToken)
	program.Want(t, 200, g.Do(ownRequest(ownSecret, "evt_0", `{"n":0}`)))
	h.redis.Kill()
	lost := ownRequest(ownSecret, "evt_1", `{"n":1}`)
	if r := g.Do(lost); r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("while the store is down: %d %s", r.Status, r.Body)
	}
	h.redis.Restart()
	testkit.Eventually(t, 30*time.Second, "it is taken", func() bool { return g.Do(lost).Status == 200 })
	if again := program.Want(t, 200, g.Do(lost)); again.Field("duplicate") != true {
		t.Errorf("once more: %s", again.Body)
	}
	runsOf(t, g, "own", 2)
}

// TestAChallengeIsEchoedAsTextByGetAndHead: whatever the sender wants echoed, and only for
// one that shows the token.
func TestAChallengeIsEchoedAsTextByGetAndHead(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.hooksOf(t, ownHook(map[string]any{"challenge": map[string]any{"method": "GET", "param": "echo", "verifyToken": "the-token"}}))
	g := h.Serve(apiToken)
	ask := func(method, query string) program.Response {
		return g.Do(program.Request{Method: method, Path: "/webhooks/own" + query, Token: "none"})
	}
	const page = "<script>alert(1)</script>"
	r := ask("GET", "?token=the-token&echo=%3Cscript%3Ealert(1)%3C/script%3E")
	if r.Status != 200 || string(r.Body) != page || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") || r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("GET: %d %s %v", r.Status, r.Body, r.Header)
	}
	if r := ask("HEAD", "?token=the-token&echo=abc"); r.Status != 200 || len(r.Body) != 0 || r.Header.Get("Content-Length") != "3" {
		t.Errorf("HEAD: %d %s %v", r.Status, r.Body, r.Header)
	}
	for _, query := range []string{"?echo=abc", "?token=wrong&echo=abc", "?token=the-token", "?token=the-token&echo=" + strings.Repeat("x", 513)} {
		if r := ask("GET", query); r.Status != 400 || strings.Contains(string(r.Body), "abc") {
			t.Errorf("GET %.40s: %d %s", query, r.Status, r.Body)
		}
	}
	if r := ask("PUT", ""); r.Status != 405 || r.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("PUT: %d, Allow %q", r.Status, r.Header.Get("Allow"))
	}
	if list := program.Want(t, 200, g.Get("/events")); len(list.Field("data").([]any)) != 0 {
		t.Errorf("something was kept: %s", list.Body)
	}
}

// TestARequestIsJudgedOffline: `events verify` says why one is accepted or refused, by
// which secret, and takes one that the gateway has refused.
func TestARequestIsJudgedOffline(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	own := ownHook(map[string]any{"secrets": []string{"the-new-secret", ownSecret}, "filter": []string{"paid"}, "keepRefused": true})
	delete(own, "secret")
	h.hooksOf(t, own)
	file := filepath.Join(h.Dir, "body.json")
	verify := func(body string, want int, args ...string) map[string]any {
		t.Helper()
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := h.Run(append([]string{"events", "verify", "own", "-c", h.Config(), "-o", "json"}, args...)...)
		var v map[string]any
		if err := json.Unmarshal([]byte(out), &v); err != nil || code != want {
			t.Fatalf("exit code %d, want %d: %s%s", code, want, out, stderr)
		}
		return v
	}
	with := func(secret, body string) []string {
		r := ownRequest(secret, "evt_1", body)
		return []string{"--body", file, "--header", "X-Signature: " + r.Header["X-Signature"], "--header", "x-id: evt_1", "--header", "Content-Type: application/json"}
	}
	const body = `{"n":1}`
	if v := verify(body, 0, with(ownSecret, body)...); v["accepted"] != true || v["secret"] != 2.0 || v["id"] != "evt_1" || v["filter"] != "does not let it through" {
		t.Errorf("the old secret: %v", v)
	}
	if v := verify(body+" ", 1, with(ownSecret, body)...); v["accepted"] != false || v["kind"] != "signature" || v["reason"] == "" || v["secret"] != nil {
		t.Errorf("a changed body: %v", v)
	}
	g := h.Serve(apiToken)
	program.Want(t, 400, g.Do(ownRequest("the-next-secret", "evt_2", `{"n":2}`)))
	h.Env["BACKFLOW_URL"], h.Env["BACKFLOW_TOKEN"] = g.URL, apiToken
	if v := verify("", 1, "--refused", "1"); v["accepted"] != false || v["kind"] != "signature" {
		t.Errorf("what was refused: %v", v)
	}
	own["secrets"] = []string{"the-next-secret", ownSecret}
	h.hooksOf(t, own)
	if v := verify("", 0, "--refused", "1"); v["accepted"] != true || v["secret"] != 1.0 || v["id"] != "evt_2" {
		t.Errorf("with the secret that it lacked: %v", v)
	}
	if code, _, stderr := h.Run("events", "verify", "own", "-c", h.Config()); code != 2 || !strings.Contains(stderr, "--body") {
		t.Errorf("without a body: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := h.Run("events", "verify", "onw", "-c", h.Config(), "--body", file); code != 1 || !strings.Contains(stderr, `has no webhook "onw" (did you mean "own"?)`) {
		t.Errorf("a webhook that is not there: exit code %d, %s", code, stderr)
	}
}

// TestAnAddressThatIsSignedIsJudgedAsTheGatewayKnowsIt: path and query follow
// server.publicUrl, and another address than that is noted.
func TestAnAddressThatIsSignedIsJudgedAsTheGatewayKnowsIt(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.WriteConfig("backflow.json", `{"server":{"publicUrl":"https://gateway.example.com"},"webhooks":[{"name":"shop","path":"/in/shop","provider":"custom","secret":"`+ownSecret+`",
		"custom":{"header":"X-Signature","content":"{{url}}{{body}}"}}]}`)
	file := filepath.Join(h.Dir, "body.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for called, c := range map[string]struct{ signed, note string }{
		"/in/shop?a=1": {"https://gateway.example.com/in/shop?a=1", ""},
		"https://gateway.example.com/in/shop?a=1": {"https://gateway.example.com/in/shop?a=1", ""},
		"https://other.example.com/in/shop":       {"https://other.example.com/in/shop", "server.publicUrl is not what was called"},
	} {
		mac := hmac.New(sha256.New, []byte(ownSecret))
		_, _ = mac.Write([]byte(c.signed + "{}"))
		code, out, stderr := h.Run("events", "verify", "shop", "-c", h.Config(), "--body", file, "--url", called, "--header", "X-Signature: "+hex.EncodeToString(mac.Sum(nil)))
		if code != 0 || !strings.Contains(out, c.note) || (c.note == "") == strings.Contains(out, "note: ") {
			t.Errorf("%s: exit code %d: %s%s", called, code, out, stderr)
		}
	}
}

// TestARequestOfAPluginsProviderIsJudgedOffline: the plugin is started for it.
func TestARequestOfAPluginsProviderIsJudgedOffline(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.withSecrets()
	h.WriteExample(h.store, h.edits...)
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	body := program.StripeEvent("evt_1", "payment_intent.succeeded", 2000)
	signed := program.StripeDelivery(body, webhookSecret, at)
	file := filepath.Join(h.Dir, "body.json")
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	for when, want := range map[string]int{"2026-01-31T12:04:00Z": 0, "2026-01-31T12:06:00Z": 1, "1769860800": 0} {
		code, out, stderr := h.Run("events", "verify", "stripe-events", "-c", h.Config(), "--body", file,
			"--header", "Stripe-Signature: "+signed.Header["Stripe-Signature"], "--at", when)
		if code != want || want == 0 && !strings.Contains(out, "signed with: secret 1 of 1") || want == 1 && !strings.Contains(out, "refused: ") {
			t.Errorf("at %s: exit code %d: %s%s", when, code, out, stderr)
		}
	}
}
