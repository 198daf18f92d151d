package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// fakeProvider is the integration that verifies webhooks: it accepts what carries
// the secret, and lists what its sender has made where that is compared.
type fakeProvider struct{ sender *sender }

var (
	_ action.Integration = fakeProvider{}
	_ sdk.EventLister    = fakeProvider{}
)

func (fakeProvider) Name() string { return "sender" }

func (p fakeProvider) Manifest() *sdk.Manifest {
	return &sdk.Manifest{Name: "sender", Version: "1.0.0", Webhook: &sdk.WebhookCapability{ListsEvents: p.sender.lists}}
}

func (fakeProvider) Status() action.Status { return action.Status{State: action.StateReady} }

// Execute implements action.Integration.
func (p fakeProvider) Execute(context.Context, action.Call) (sdk.Result, error) {
	return sdk.Result{}, action.Unavailable(p.Name(), p.Status())
}

// VerifyWebhook implements sdk.WebhookVerifier.
func (fakeProvider) VerifyWebhook(_ context.Context, r sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	if http.Header(r.Headers).Get("X-Secret") != r.Secrets[0] {
		return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Reason: "no secret"}
	}
	var event struct{ ID string }
	err := json.Unmarshal(r.Body, &event)
	return sdk.WebhookEvent{ID: event.ID, Type: "happened"}, err
}

// response is what a client receives. Status 0 means that no response came.
type response struct {
	status int
	header http.Header
	body   []byte
}

// field reads a string of the response.
func (a response) field(name string) string {
	var doc map[string]any
	if json.Unmarshal(a.body, &doc) != nil {
		return ""
	}
	text, _ := doc[name].(string)
	return text
}

// request sends a request to a gateway that is up. A gateway that crashes
// before the response is sent gives none.
func (sim *simulation) request(r *rand.Rand, method, path, key string, body any) response {
	g := sim.anyUp(r)
	if g == nil {
		return response{}
	}
	text := ""
	if body != nil {
		text = string(encode(body))
	}
	request := httptest.NewRequestWithContext(g.lifetime, method, path, strings.NewReader(text))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("X-Secret", hookSecret)
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	done := make(chan response, 1)
	sim.actors.Go(func() {
		rec := httptest.NewRecorder()
		if g.proceed(g.lifetime) != nil {
			return
		}
		g.server.ServeHTTP(rec, request)
		if g.proceed(g.lifetime) != nil {
			return // it was dead before the response was sent
		}
		done <- response{rec.Code, rec.Header(), rec.Body.Bytes()}
	})
	timer := time.NewTimer(20*time.Second + 77)
	defer timer.Stop()
	select {
	case a := <-done:
		sim.note("%s responds to %s %s %s %s: %d %s", g.name, method, sim.shortPath(path), key, text, a.status, a.field("detail"))
		return a
	case <-g.lifetime.Done():
	case <-timer.C:
	}
	sim.note("%s does not respond to %s %s %s %s", g.name, method, sim.shortPath(path), key, text)
	return response{}
}

func (sim *simulation) shortPath(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) > 2 && parts[1] == "runs" {
		parts[2] = sim.name("run", parts[2])
	}
	return strings.Join(parts, "/")
}

func (sim *simulation) anyUp(r *rand.Rand) *gateway {
	first := r.IntN(len(sim.nodes))
	for i := range sim.nodes {
		if g := sim.nodes[(first+i)%len(sim.nodes)].running(); g != nil {
			return g
		}
	}
	return nil
}

// requestUntilFinal repeats a request until its response is not a temporary one.
func (sim *simulation) requestUntilFinal(r *rand.Rand, method, path, key string, body any) response {
	var a response
	for range 400 {
		a = sim.request(r, method, path, key, body)
		switch a.status {
		case http.StatusTooManyRequests:
			if a.field("code") == "limit_reached" {
				return a
			}
		case 0, http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusConflict:
			if a.status == http.StatusConflict && a.field("code") != "idempotency_key_in_progress" {
				return a
			}
		case http.StatusBadGateway, http.StatusGatewayTimeout:
			if a.field("code") == string(sdk.CodeOutcomeUnknown) || a.header.Get("Idempotent-Replayed") == "true" {
				return a
			}
		default:
			return a
		}
		time.Sleep(between(r, 100*time.Millisecond, 2*time.Second))
	}
	sim.violated("a client that repeats a request gets a response in the end", "%s %s %s: %d %s", method, path, key, a.status, a.body)
	return a
}

// clients does the work of a seed, and returns when it was sent.
func (sim *simulation) clients() {
	r := sim.random(actorClients)
	var clients sync.WaitGroup
	for n := range 5 + r.IntN(16) {
		time.Sleep(between(r, 0, 800*time.Millisecond))
		own := rand.New(rand.NewPCG(r.Uint64(), uint64(n)))
		act := pick(r, sim.startOnce, sim.startOnce, sim.startOnce, sim.startFreely, sim.startFreely, sim.sendEvent, sim.sendEvent, sim.callAction, sim.control, sim.control, sim.control, sim.control)
		clients.Go(func() { act(own, n) })
	}
	sim.burst(&clients)
	clients.Wait()
}

func input(r *rand.Rand, tag string) object { return object{"n": r.IntN(4), "tag": tag} }

// startOnce starts a run under a key, repeating until it has a response; then perhaps
// once more.
func (sim *simulation) startOnce(r *rand.Rand, n int) {
	tag := fmt.Sprintf("key-%d", n)
	path, body := fmt.Sprintf("/workflows/w%d/runs", r.IntN(3)), input(r, tag)
	sim.rememberRequest(tag, request{path, tag, body})
	for range 1 + r.IntN(2) {
		if a := sim.requestUntilFinal(r, http.MethodPost, path, tag, body); a.status == http.StatusAccepted {
			sim.model.accepted(a.field("id"), tag)
		}
	}
}

// startFreely starts a run without a key.
func (sim *simulation) startFreely(r *rand.Rand, n int) {
	a := sim.request(r, http.MethodPost, fmt.Sprintf("/workflows/w%d/runs", r.IntN(3)), "", input(r, fmt.Sprintf("free-%d", n)))
	if a.status == http.StatusAccepted {
		sim.model.accepted(a.field("id"), "")
	}
}

// sendEvent sends an event until it is acknowledged, and perhaps once more, after which
// its run may go on where it had failed; and perhaps has it replayed.
func (sim *simulation) sendEvent(r *rand.Rand, n int) {
	id := fmt.Sprintf("evt-%d", n)
	event := object{"id": id, "n": r.IntN(4)}
	sim.rememberRequest(id, request{"/webhooks/hook", "", event})
	if !sim.sender.make(sim.randomOf(actorReconcile, id), id, event) {
		return
	}
	for range 1 + r.IntN(3) {
		if a := sim.requestUntilFinal(r, http.MethodPost, "/webhooks/hook", "", event); a.status == http.StatusOK {
			sim.model.acknowledged(id)
		}
		time.Sleep(between(r, 0, 20*time.Second))
		if chance(r, 30) {
			sim.request(r, http.MethodPost, "/events/"+id+"/replay", "", pick[any](r, nil, nil, object{"fromStart": true}))
		}
	}
}

// callAction calls an action under a key until it has the result.
func (sim *simulation) callAction(r *rand.Rand, n int) {
	key := fmt.Sprintf("act-%d", n)
	path := "/integrations/vendor/actions/" + pick(r, "keyed", "none")
	for range 1 + r.IntN(2) {
		a := sim.requestUntilFinal(r, http.MethodPost, path, key, object{"request": key})
		sim.model.answered(key, a)
	}
}

// control signals, cancels or retries a run that there is.
func (sim *simulation) control(r *rand.Rand, n int) {
	for range 3 {
		time.Sleep(between(r, 0, 5*time.Second))
		id := sim.model.anyRun(r)
		if id == "" {
			continue
		}
		switch r.IntN(8) {
		case 0:
			if a := sim.request(r, http.MethodPost, "/runs/"+id+"/cancel", "", nil); a.status/100 == 2 {
				sim.model.cancelled(id)
			}
		case 1:
			sim.request(r, http.MethodPost, "/runs/"+id+"/retry", "", pick[any](r, nil, nil, object{"now": true}, object{"latest": true}))
			sim.count(&sim.tally.retries)
		case 6:
			if a := sim.request(r, http.MethodPost, "/runs/"+id+"/rerun", "", nil); a.status/100 == 2 {
				sim.count(&sim.tally.reruns)
			}
		case 7:
			sim.bulk(r, n)
		case 2, 3, 4:
			key := ""
			if chance(r, 50) {
				key = fmt.Sprintf("sig-%d", n)
			}
			tag := fmt.Sprintf("%d-%d", n, r.IntN(1000))
			if a := sim.request(r, http.MethodPost, "/runs/"+id+"/signals/"+pick(r, "go", "stop"), key, object{"signal": tag}); a.status/100 == 2 {
				sim.count(&sim.tally.signals)
			}
		case 5:
			sim.request(r, http.MethodGet, "/runs/"+id, "", nil)
		}
	}
}

// bulk retries what has failed, or runs it again, in a bulk; perhaps it is paused
// for a while.
func (sim *simulation) bulk(r *rand.Rand, n int) {
	body := object{"action": pick(r, "retry", "retry", "rerun"), "filter": object{"status": "failed"}, "dryRun": chance(r, 50)}
	a := sim.requestUntilFinal(r, http.MethodPost, "/bulk", fmt.Sprintf("bulk-%d-%d", n, r.IntN(1000)), body)
	id := a.field("id")
	if a.status/100 != 2 || id == "" {
		return // another one of the caller is running
	}
	sim.count(&sim.tally.bulks)
	if chance(r, 30) {
		sim.request(r, http.MethodPost, "/bulk/"+id+"/pause", "", nil)
		time.Sleep(between(r, 0, 3*time.Second))
	}
	sim.requestUntilFinal(r, http.MethodPost, "/bulk/"+id+"/resume", "", nil)
}

// chaos pauses gateways, turns their clocks and kills them, all in their time.
func (sim *simulation) chaos() {
	r := sim.random(actorChaos)
	for range r.IntN(6) {
		time.Sleep(between(r, 200*time.Millisecond, 6*time.Second))
		g := sim.anyUp(r)
		if g == nil {
			continue
		}
		switch r.IntN(4) {
		case 0:
			g.crash()
		case 1:
			g.shiftClock(between(r, -2*time.Minute, 2*time.Minute))
			sim.note("the clock of %s jumps", g.name)
		default:
			resume := g.suspend()
			sim.count(&sim.tally.pauses)
			sim.note("%s is paused", g.name)
			time.Sleep(between(r, time.Second, 12*time.Second))
			sim.note("%s goes on", g.name)
			resume()
		}
	}
}
