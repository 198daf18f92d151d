package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

func TestTheExampleConfigsAreTheSeedPage(t *testing.T) {
	t.Parallel()
	p := readPage(t)
	comment := regexp.MustCompile(`(?m)^\s*//.*$`)
	for _, name := range []string{"stripe.json", "stripe.redis.json"} {
		text, err := os.ReadFile(filepath.Join(testkit.Root(), "configs", name))
		if err != nil {
			t.Fatal(err)
		}
		config := decode(t, comment.ReplaceAllString(string(text), "")).(map[string]any)
		for what, want := range map[string]any{
			"credentials.stripe": decode(t, p.snippets[titleConfig]).(map[string]any)["credentials"].(map[string]any)["stripe"],
			"webhooks":           decode(t, p.snippets[titleWebhooks]).(map[string]any)["webhooks"],
			"workflows":          []any{decode(t, p.snippets[titleWorkflow])},
		} {
			var got any = config
			for part := range strings.SplitSeq(what, ".") {
				got = got.(map[string]any)[part]
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("configs/%s: %s is %v, on the page %v", name, what, got, want)
			}
		}
	}
}

func TestTheSeedPagesCurlLineAnswersAPaymentIntent(t *testing.T) {
	t.Parallel()
	p := readPage(t)
	onBothStores(t, func(t *testing.T, h *harness) {
		g := sandbox(h)
		line := strings.NewReplacer("<token>", g.Token, "http://localhost:3000", g.URL).Replace(p.snippets[titleCurl])
		body := curl(t, g, line)
		got, want := decode(t, body).(map[string]any), decode(t, p.snippets[titleResponse]).(map[string]any)
		for name, value := range want {
			switch name {
			case "amount", "currency", "status":
				if got[name] != value {
					t.Errorf("%s is %v, on the page %v", name, got[name], value)
				}
			default: // an id of its own
				if text, _ := got[name].(string); text == "" {
					t.Errorf("%s is missing in %s", name, body)
				}
			}
		}
		if id, _ := got["id"].(string); !strings.HasPrefix(id, "pi_") {
			t.Errorf("id is %v", got["id"])
		}
	})
}

var (
	curlHeader = regexp.MustCompile(`-H "([^:]+): ([^"]+)"`)
	curlTarget = regexp.MustCompile(`curl -X (\w+) http://[^/]+(/\S*)`)
	curlBody   = regexp.MustCompile(`(?s)-d '(.*)'`)
)

// curl runs a line of the page in a shell, or does what it says where there is
// no curl.
func curl(t *testing.T, g *program.Gateway, line string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		out, err := exec.Command("sh", "-c", line+" --silent --show-error --fail-with-body").CombinedOutput()
		if err != nil {
			t.Fatalf("%s\n%v: %s", line, err, out)
		}
		return string(out)
	}
	target, body := curlTarget.FindStringSubmatch(line), curlBody.FindStringSubmatch(line)
	if target == nil || body == nil {
		t.Fatalf("not understood: %s", line)
	}
	r := program.Request{Method: target[1], Path: target[2], Body: body[1], Header: map[string]string{}, Token: "none"}
	for _, header := range curlHeader.FindAllStringSubmatch(line, -1) {
		r.Header[header[1]] = header[2]
	}
	return string(program.Want(t, 200, g.In(t).Do(r)).Body)
}

func TestTheSeedPagesConfigSnippetsLoadAsPrinted(t *testing.T) {
	t.Parallel()
	p := readPage(t)
	for name, parts := range map[string][]string{
		"credentials":              {p.members(titleConfig)},
		"webhooks":                 {p.members(titleWebhooks)},
		"credentials and webhooks": {p.members(titleConfig), p.members(titleWebhooks)},
		"workflow":                 {`"workflows": [` + p.snippets[titleWorkflow] + `]`},
		"everything":               {p.members(titleConfig), p.members(titleWebhooks), `"workflows": [` + p.snippets[titleWorkflow] + `]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &harness{Site: program.NewSite(t, binaries)}
			w.withSecrets()
			w.WriteConfig("page.json", "{\n"+strings.Join(append(parts, `"pluginDirs": ["`+w.Plugins+`"]`), ",\n")+"\n}")
			code, out, errs := w.Run("validate", "-c", w.Config())
			if code != 0 {
				t.Fatalf("validate: exit code %d\n%s%s", code, out, errs)
			}
			g := w.Serve("")
			answer := g.Get("/readyz")
			for _, integration := range []string{"stripe", "database"} {
				if state := answer.Text("integrations." + integration + ".state"); state == "" || state == "failed" {
					t.Errorf("%s is %q: %s", integration, state, answer.Body)
				}
			}
			if code := g.Stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestEachActionSnippetRunsOverHTTPAndAsAStep(t *testing.T) {
	t.Parallel()
	p := readPage(t)
	onBothStores(t, func(t *testing.T, h *harness) {
		var workflows []string
		for _, action := range titleActions {
			workflows = append(workflows, `{ "id": "`+action+`", "steps": [{ "id": "it", "type": "integration", `+p.members(action)+` }] }`)
		}
		h.edits = append(h.edits, program.Edit{Old: `"workflows": [`, New: `"workflows": [` + strings.Join(workflows, ",\n") + ","})
		g := sandbox(h)
		prefix := map[string]string{
			"createPaymentIntent": "pi_", "createCustomer": "cus_", "createSubscription": "sub_", "cancelSubscription": "sub_",
		}
		// What the page names is there, and what is done to it stays.
		fields := map[string]map[string]any{
			"createPaymentIntent": {"customer": "cus_123", "amount": json.Number("2000"), "currency": "usd", "status": "requires_payment_method"},
			"createCustomer":      {"email": "customer@example.com", "name": "John Doe"},
			"createSubscription":  {"customer": "cus_123", "items.data.0.price.id": "price_456", "status": "active"},
			"cancelSubscription":  {"id": "sub_789", "customer": "cus_123", "cancel_at_period_end": true, "status": "active"},
		}
		for _, action := range titleActions {
			t.Run(action, func(t *testing.T) {
				g := g.In(t)
				answer := program.Want(t, 200, g.Post("/integrations/stripe/actions/"+action, p.params(t, action)))
				if id := answer.Text("id"); !strings.HasPrefix(id, prefix[action]) {
					t.Errorf("over HTTP the id is %q", id)
				}
				for name, want := range fields[action] {
					if got := answer.Field(name); got != want {
						t.Errorf("%s is %v, want %v", name, got, want)
					}
				}
				run := program.Want(t, 200, g.Post("/workflows/"+action+"/runs?wait=30s", `{}`))
				if id := run.Text("steps.0.result.id"); run.Text("status") != "succeeded" || !strings.HasPrefix(id, prefix[action]) {
					t.Errorf("as a step: %s", run.Body)
				}
			})
		}
		if kept := g.In(t).Get("/integrations/stripe/subscriptions/sub_789"); kept.Field("cancel_at_period_end") != true {
			t.Errorf("the subscription is %s", kept.Body)
		}
	})
}

func TestEachEndpointOfTheSeedPageAnswers(t *testing.T) {
	t.Parallel()
	p := readPage(t)
	bodies := map[string]string{
		"/integrations/stripe/payment-intents": p.params(t, "createPaymentIntent"),
		"/integrations/stripe/customers":       p.params(t, "createCustomer"),
		"/integrations/stripe/subscriptions":   p.params(t, "createSubscription"),
	}
	objects := map[string]string{
		"/integrations/stripe/payment-intents":   "payment_intent",
		"/integrations/stripe/customers":         "customer",
		"/integrations/stripe/subscriptions":     "subscription",
		"/integrations/stripe/subscriptions/:id": "subscription",
	}
	onBothStores(t, func(t *testing.T, h *harness) {
		g := sandbox(h)
		// Not on the page, but the natural end of a subscription.
		for _, e := range append(p.endpoints, endpoint{"DELETE", "/integrations/stripe/subscriptions/:id"}) {
			answer := g.Do(program.Request{Method: e.method, Path: strings.Replace(e.path, ":id", "sub_789", 1), Body: bodies[e.path]})
			if answer.Status != 200 || answer.Text("object") != objects[e.path] {
				t.Errorf("%s %s: %d %s", e.method, e.path, answer.Status, answer.Body)
			}
		}
		subscription := "/integrations/stripe/subscriptions/sub_789"
		if ends := program.Want(t, 200, g.Get(subscription)); ends.Text("status") != "active" || ends.Field("cancel_at_period_end") != true {
			t.Errorf("the subscription that ends is %s", ends.Body)
		}
		program.Want(t, 200, g.Do(program.Request{Method: "DELETE", Path: subscription + "?immediately=true"}))
		if ended := program.Want(t, 200, g.Get(subscription)); ended.Text("status") != "canceled" {
			t.Errorf("the subscription that has ended is %s", ended.Body)
		}
	})
}

func TestTheAnswerIsStripesOwn(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	answer := program.Want(t, 200, g.Post("/integrations/stripe/customers", `{"email":"customer@example.com","name":"John Doe"}`))
	if !json.Valid(answer.Body) || answer.Text("object") != "customer" || answer.Text("email") != "customer@example.com" || answer.Field("invoice_prefix") == nil {
		t.Errorf("%s", answer.Body)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
}
