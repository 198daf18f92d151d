package sandbox

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/deliver"
	"github.com/backflow/backflow/plugins/stripe/internal/signature"
)

// receiver is a webhook under test.
type receiver struct {
	t      *testing.T
	secret string

	mu sync.Mutex // guards what follows
	// refuse is the status of the next responses, which are then used up.
	refuse []int
	got    []map[string]any
	bodies []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		r.t.Error(err)
	}
	if err := signature.Verify(request.Header.Get(signature.Header), body, []string{r.secret}, time.Now(), 5*time.Minute); err != nil {
		r.t.Errorf("the signature: %v", err)
	}
	if kind, agent := request.Header.Get("Content-Type"), request.Header.Get("User-Agent"); kind != "application/json; charset=utf-8" || !strings.HasPrefix(agent, "Stripe/1.0") {
		r.t.Errorf("%s %s", kind, agent)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.refuse) > 0 {
		w.WriteHeader(r.refuse[0])
		r.refuse = r.refuse[1:]
		return
	}
	var event map[string]any
	if err := json.Unmarshal(body, &event); err != nil {
		r.t.Error(err)
	}
	r.got, r.bodies = append(r.got, event), append(r.bodies, string(body))
}

// types are the types of the events that were taken, in their order.
func (r *receiver) types() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var types []string
	for _, event := range r.got {
		types = append(types, text(event, "type"))
	}
	return types
}

// has waits until the events of types, and no others, arrived.
func (r *receiver) has(want ...string) {
	r.t.Helper()
	testkit.Eventually(r.t, 20*time.Second, "events "+strings.Join(want, " "), func() bool { return len(r.types()) >= len(want) })
	if got := r.types(); !slices.Equal(got, want) {
		r.t.Errorf("events %v, want %v", got, want)
	}
}

func TestEventsAreDeliveredSignedAndInOrder(t *testing.T) {
	t.Parallel()
	webhook := &receiver{t: t, secret: "whsec_x"}
	server := httptest.NewServer(webhook)
	t.Cleanup(server.Close)
	b := open(t, Options{Webhooks: []deliver.Target{{Name: "stripe-events", URL: server.URL, Secret: "whsec_x"}}})
	intent := b.post("/v1/payment_intents", order+"&confirm=true&payment_method=pm_card_visa", "Idempotency-Key", "k")
	webhook.has("payment_intent.created", "charge.succeeded", "payment_intent.succeeded")
	last := webhook.got[2]
	for path, want := range map[string]string{
		"object": "event", "api_version": "2023-10-16", "livemode": "false", "pending_webhooks": "1", "data.object.id": intent.text("id"),
		"data.object.status": "succeeded", "request.idempotency_key": "k", "request.id": intent.Header.Get("Request-Id"),
	} {
		if got := text(last, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	testkit.Eventually(t, 10*time.Second, "nothing is pending", func() bool { return b.do("status", "").text("pendingDeliveries") == "0" })
	b.shows(b.get("/v1/events/"+text(last, "id"), ""), map[string]string{"pending_webhooks": "0", "type": "payment_intent.succeeded"})
}

func TestEventsWaitForAWebhookThatIsDownAlsoOverARestart(t *testing.T) {
	t.Parallel()
	// An address on which nothing listens yet.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	options := Options{Dir: t.TempDir(), Webhooks: []deliver.Target{{Name: "stripe-events", URL: "http://" + address + "/hook", Secret: "whsec_x"}}}
	b := open(t, options)
	b.post("/v1/customers", "email=a@b.c")
	b.post("/v1/payment_intents", order)
	b.shows(b.do("status", ""), map[string]string{"pendingDeliveries": "2"})
	b.shows(b.get("/v1/events", ""), map[string]string{"data.0.pending_webhooks": "1"})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	webhook := &receiver{t: t, secret: "whsec_x"}
	server := &http.Server{Handler: webhook, ReadHeaderTimeout: time.Second}
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	open(t, options)
	webhook.has("customer.created", "payment_intent.created")
}

func TestAnEventThatIsRefusedIsTriedAgainAndHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	webhook := &receiver{t: t, secret: "whsec_x", refuse: []int{500, 302, 404}}
	server := httptest.NewServer(webhook)
	t.Cleanup(server.Close)
	b := open(t, Options{Webhooks: []deliver.Target{{Name: "stripe-events", URL: server.URL, Secret: "whsec_x"}}})
	b.post("/v1/payment_intents", order+"&confirm=true&payment_method=pm_card_visa")
	testkit.Eventually(t, 20*time.Second, "all three events", func() bool { return len(webhook.types()) == 3 })
	got := webhook.types()
	slices.Sort(got)
	if want := []string{"charge.succeeded", "payment_intent.created", "payment_intent.succeeded"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestWebhookEndpointsOnThisMachineGetTheEventsThatTheyWant(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for _, address := range []string{"https://example.com/hook", "http://10.0.0.1/hook", "http://127.0.0.1.example.com/hook", "file:///etc/passwd", "http://user@127.0.0.1/"} {
		b.refused(400, "url_invalid", http.MethodPost, "/v1/webhook_endpoints", "enabled_events[]=*&url="+address)
	}
	webhook := &receiver{t: t}
	server := httptest.NewServer(webhook)
	t.Cleanup(server.Close)
	made := b.post("/v1/webhook_endpoints", "enabled_events[]=customer.created&enabled_events[]=customer.deleted&url="+server.URL)
	webhook.secret = made.text("secret")
	id := made.text("id")
	b.shows(b.get("/v1/webhook_endpoints/"+id, ""), map[string]string{"secret": "<none>", "status": "enabled", "url": server.URL})
	customer := b.post("/v1/customers", "email=a@b.c").text("id")
	b.post("/v1/customers/"+customer, "email=b@b.c")
	b.del("/v1/customers/" + customer)
	webhook.has("customer.created", "customer.deleted")
	b.post("/v1/webhook_endpoints/"+id, "disabled=true")
	b.post("/v1/customers", "")
	b.del("/v1/webhook_endpoints/" + id)
	b.refused(404, "resource_missing", http.MethodGet, "/v1/webhook_endpoints/"+id, "")
	b.post("/v1/customers", "")
	b.shows(b.do("status", ""), map[string]string{"pendingDeliveries": "0"})
}

func TestAdvanceDeliversWhatCameDueInItsOrder(t *testing.T) {
	t.Parallel()
	webhook := &receiver{t: t, secret: "whsec_x"}
	server := httptest.NewServer(webhook)
	t.Cleanup(server.Close)
	b := open(t, Options{Webhooks: []deliver.Target{{Name: "stripe-events", URL: server.URL, Secret: "whsec_x"}}})
	b.empty()
	b.post("/v1/payment_intents", order+"&confirm=true&capture_method=manual&payment_method=pm_card_visa")
	b.paid("pm_card_visa")
	before := b.do("status", "").text("time")
	moved := b.do("advance", `{"by":"31d"}`)
	b.shows(moved, map[string]string{"fired": "2", "events": `{"balance.available":1,"charge.expired":1,"payment_intent.canceled":1}`})
	webhook.has("payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
		"balance.available", "charge.expired", "payment_intent.canceled")
	start, err := time.Parse(time.RFC3339, before)
	if err != nil {
		t.Fatal(err)
	}
	if day := time.Duration(webhook.got[6]["created"].(float64)-float64(start.Unix())) * time.Second; day < 48*time.Hour-time.Minute || day > 48*time.Hour+time.Minute {
		t.Errorf("the balance was available after %s", day)
	}
	// Time stays where it is, and new objects are made in it.
	if now := b.post("/v1/customers", "").Body["created"].(json.Number); now.String() <= itoa(int(start.Add(30*24*time.Hour).Unix())) {
		t.Errorf("created %s", now)
	}
	b.do("reset", "")
	if now := b.post("/v1/customers", "").Body["created"].(json.Number); now.String() >= itoa(int(start.Add(24*time.Hour).Unix())) {
		t.Errorf("after a reset, created %s", now)
	}
	for _, params := range []string{`{}`, `{"by":"x"}`, `{"by":"-1d"}`, `{"by":"99999d"}`, `{"to":"2001-01-01T00:00:00Z"}`, `{"by":"1d","to":"2030-01-01T00:00:00Z"}`, `{"by":"1d","clock":"clock_no"}`, `{"by":"1dd"}`, `{"by":"d"}`} {
		if _, err := b.Do(t.Context(), "advance", json.RawMessage(params)); err == nil {
			t.Errorf("%s is taken", params)
		}
	}
}
