package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

const sendingSecret, oldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nz"

// receiver is a server that webhooks are sent to.
type receiver struct {
	url string

	mu   sync.Mutex
	code int
	hang chan struct{} // what comes waits until it is closed; nil for none
	got  []delivery
}

type delivery struct {
	id, signature, timestamp, body string
	header                         http.Header
	status                         int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{code: 200}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		code, hang := r.code, r.hang
		h := request.Header
		r.got = append(r.got, delivery{h.Get("webhook-id"), h.Get("webhook-signature"), h.Get("webhook-timestamp"), string(body), h.Clone(), code})
		r.mu.Unlock()
		if hang != nil {
			<-hang
		}
		switch code {
		case 0:
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
		case 302:
			http.Redirect(w, request, "/elsewhere", code)
		default:
			w.WriteHeader(code)
			_, _ = fmt.Fprintf(w, "key %s", request.Header.Get("X-Key"))
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) set(code int, hang chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.code, r.hang = code, hang
}

func (r *receiver) deliveries() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery(nil), r.got...)
}

// await waits for the n-th request.
func (r *receiver) await(t *testing.T, n int) delivery {
	t.Helper()
	testkit.Eventually(t, 60*time.Second, fmt.Sprintf("%d requests", n), func() bool { return len(r.deliveries()) >= n })
	return r.deliveries()[n-1]
}

// sendingConfig is a config with the destination crm.
func sendingConfig(store, url, secret, egress string) string {
	hash := sha256.Sum256([]byte(apiToken))
	return fmt.Sprintf(`{ "auth": { "tokens": [{ "name": "shop", "hash": "sha256:%s", "scopes": ["*"] }] }, "state": { "url": %q },
  "destinations": [{ "name": "crm", "url": "%s/hooks", %s, "types": ["order.*"], "headers": { "X-Key": "{{env.CRM_KEY}}" } }],
  "egress": { "allow": [%s] } }`, hex.EncodeToString(hash[:]), store, url, secret, egress)
}

// state is a URL of the store of an example.
func (h *harness) state() string {
	if h.redis != nil {
		return h.redis.URL()
	}
	return "sqlite://state.db"
}

func (h *harness) send(t *testing.T, g *program.Gateway, key string) string {
	t.Helper()
	return program.Want(t, 200, g.In(t).Post("/integrations/webhook/actions/send", `{"destination":"crm","type":"order.paid","data":{"key":"`+key+`","n":1.10}}`, "Idempotency-Key", key)).Text("id")
}

func message(t *testing.T, g *program.Gateway, status string) []any {
	t.Helper()
	data, _ := program.Want(t, 200, g.In(t).Get("/destinations/crm/messages?status="+status)).Field("data").([]any)
	return data
}

func TestMessagesSurviveRefusalsRotationAndKills(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		r := newReceiver(t)
		h.Env["CRM_KEY"] = "hush-hush-key"
		h.WriteConfig("backflow.json", sendingConfig(h.state(), r.url, `"secret": "`+sendingSecret+`"`, `"127.0.0.1"`))
		g := h.Serve(apiToken)
		id := h.send(t, g, "first")
		if again := h.send(t, g, "first"); again != id {
			t.Errorf("the request again made %s, not %s", again, id)
		}
		first := r.await(t, 1)
		if first.id != id || !strings.HasPrefix(first.body, `{"type":"order.paid","timestamp":"`) || !strings.HasSuffix(first.body, `","data":{"key":"first","n":1.10}}`) || first.header.Get("Content-Type") != "application/json" {
			t.Errorf("the first request is %+v", first)
		}
		testkit.Eventually(t, 30*time.Second, "it is delivered", func() bool { return len(message(t, g, "delivered")) == 1 })
		if shown := fmt.Sprint(message(t, g, "delivered")); strings.Contains(shown, "hush-hush") || !strings.Contains(shown, "key ***") {
			t.Errorf("shown is %s", shown)
		}

		// Killed while an attempt is under way: the message is sent again by the next one.
		hang := make(chan struct{})
		r.set(200, hang)
		killed := h.send(t, g, "killed")
		r.await(t, 2)
		g.Kill()
		close(hang)
		r.set(500, nil)
		h.WriteConfig("backflow.json", sendingConfig(h.state(), r.url, `"secrets": ["`+sendingSecret+`", "`+oldSecret+`"]`, `"127.0.0.1"`))
		g = h.Serve(apiToken)
		after := r.await(t, 3)
		if before := r.deliveries()[1]; after.id != killed || after.body != before.body || strings.Count(after.signature, "v1,") != 2 {
			t.Errorf("after the kill %+v, before it %+v", after, before)
		}
		// A failure is tried again after five seconds, whatever it is.
		for i, code := range []int{302, 200} {
			r.set(code, nil)
			if again := r.await(t, 4+i); again.id != killed {
				t.Errorf("attempt %d is of %s", 4+i, again.id)
			}
			if i == 0 {
				break // the next one would come in five minutes
			}
		}
		r.set(410, nil)
		refused := h.send(t, g, "refused")
		testkit.Eventually(t, 30*time.Second, "it is disabled, and all that waited is held", func() bool {
			return program.Want(t, 200, g.In(t).Get("/destinations/crm")).Text("code") == "gone" && len(message(t, g, "held")) == 2
		})
		h.send(t, g, "held")
		if code, out, errs := h.cli(g, "destinations", "messages", "crm", "--status", "held", "-o", "json"); code != 0 || strings.Count(out, `"held"`) < 3 || !strings.Contains(out, refused) {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
		n := len(r.deliveries())
		r.set(200, nil)
		g.Kill()
		g = h.Serve(apiToken)
		if code, out, errs := h.cli(g, "destinations", "enable", "crm"); code != 0 {
			t.Fatalf("exit code %d: %s%s", code, out, errs)
		}
		testkit.Eventually(t, 30*time.Second, "all are delivered", func() bool { return len(message(t, g, "delivered")) == 4 })
		if sent := r.deliveries()[n:]; len(sent) != 3 || sent[0].id != killed {
			t.Errorf("sent are %+v", sent)
		}
		if state := program.Want(t, 200, g.Get("/destinations/crm")); state.Text("state") != "enabled" {
			t.Errorf("it is %s", state.Body)
		}
		for _, needed := range []string{"/destinations", "/destinations/crm/messages"} {
			if refusal := g.Do(program.Request{Method: "GET", Path: needed, Token: "none"}); refusal.Status != 401 {
				t.Errorf("%s without a token: %d", needed, refusal.Status)
			}
		}
		if start := g.Post("/workflows/destination:crm/runs", `{}`); start.Status != 404 {
			t.Errorf("a request starts a delivery: %d", start.Status)
		}
	})
}

// cli calls backflow with the address and the token of a gateway.
func (h *harness) cli(g *program.Gateway, args ...string) (code int, stdout, stderr string) {
	h.Env["BACKFLOW_URL"], h.Env["BACKFLOW_TOKEN"] = g.URL, g.Token
	defer delete(h.Env, "BACKFLOW_URL")
	defer delete(h.Env, "BACKFLOW_TOKEN")
	return h.Run(args...)
}

func TestWhereADestinationMayBeIsChecked(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.Env["CRM_KEY"] = "hush-hush-key"
	r := newReceiver(t)
	h.WriteConfig("backflow.json", sendingConfig(h.state(), r.url, `"secret": "`+sendingSecret+`"`, ""))
	if code, out, errs := h.Run("validate", "-c", h.Config()); code != 1 || !strings.Contains(out+errs, "egress.allow") || !strings.Contains(out+errs, `"allow": ["127.0.0.1"]`) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	// A name that leads to this machine is found when it is connected to.
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(r.url, "http://"))
	h.WriteConfig("backflow.json", sendingConfig(h.state(), "http://localhost:"+port, `"secret": "`+sendingSecret+`"`, `"localhost"`))
	g := h.Serve(apiToken)
	h.send(t, g, "by-its-name")
	r.await(t, 1)
}

// Two gateways over one Redis share what they send and what they know of a destination.
func TestReplicasShareDestinations(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.redis.json")
	h.Env["CRM_KEY"] = "hush-hush-key"
	r := newReceiver(t)
	h.WriteConfig("backflow.json", sendingConfig(h.state(), r.url, `"secret": "`+sendingSecret+`"`, `"127.0.0.1"`))
	one, other := h.Serve(apiToken), h.Serve(apiToken)
	if h.send(t, one, "k") != h.send(t, other, "k") {
		t.Error("the same request makes two messages")
	}
	r.await(t, 1)
	program.Want(t, 202, one.Post("/destinations/crm/disable", `{"reason":"maintenance"}`))
	if shown := program.Want(t, 200, other.Get("/destinations/crm")); shown.Text("state") != "disabled" || shown.Text("reason") != "maintenance" {
		t.Errorf("the other shows %s", shown.Body)
	}
	for i := range 5 {
		h.send(t, []*program.Gateway{one, other}[i%2], fmt.Sprint("held-", i))
	}
	program.Want(t, 202, other.Post("/destinations/crm/enable", ""))
	testkit.Eventually(t, 30*time.Second, "all are delivered", func() bool { return len(message(t, one, "delivered")) == 6 })
	seen := map[string]bool{}
	for _, d := range r.deliveries() {
		if seen[d.id] {
			t.Errorf("%s was sent twice", d.id)
		}
		seen[d.id] = true
	}
}

// TestTheExampleOfThePageVerifies: what docs/sending.md shows for Node takes what the
// gateway sends, and nothing that was changed.
func TestTheExampleOfThePageVerifies(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "node")
	page, err := os.ReadFile(filepath.Join(testkit.Root(), "docs", "sending.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)<!-- test/e2e runs it -->\n```js\n(.*?)```").FindSubmatch(page)
	if example == nil {
		t.Fatal("the page has no example")
	}
	h := newHarness(t, "stripe.json")
	h.Env["CRM_KEY"] = "hush-hush-key"
	r := newReceiver(t)
	h.WriteConfig("backflow.json", sendingConfig(h.state(), r.url, `"secrets": ["`+oldSecret+`", "`+sendingSecret+`"]`, `"127.0.0.1"`))
	h.send(t, h.Serve(apiToken), "k")
	sent := r.await(t, 1)
	for body, want := range map[string]string{sent.body: "true", sent.body + " ": "false"} {
		script := string(example[1]) + fmt.Sprintf("\nconsole.log(verify(%q, {'webhook-id': %q, 'webhook-timestamp': %q, 'webhook-signature': %q}, Buffer.from(%q, 'base64')))",
			sendingSecret, sent.id, sent.timestamp, sent.signature, base64.StdEncoding.EncodeToString([]byte(body)))
		out, err := exec.Command("node", "-e", script).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("verified: %s, %v, want %s", got, err, want)
		}
	}
}
