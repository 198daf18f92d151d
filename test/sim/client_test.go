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

	"github.com/backflow/backflow/sdk"
)

// verifier accepts what carries the secret.
type verifier struct{}

// VerifyWebhook implements sdk.WebhookVerifier.
func (verifier) VerifyWebhook(_ context.Context, r sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	if http.Header(r.Headers).Get("X-Secret") != r.Secrets[0] {
		return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Reason: "no secret"}
	}
	var event struct{ ID string }
	err := json.Unmarshal(r.Body, &event)
	return sdk.WebhookEvent{ID: event.ID, Type: "happened"}, err
}

// answer is what a client hears; status 0 is nothing.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// field reads a string of an answer.
func (a answer) field(name string) string {
	var doc map[string]any
	if json.Unmarshal(a.body, &doc) != nil {
		return ""
	}
	text, _ := doc[name].(string)
	return text
}

// request sends a request to a gateway that is up. A gateway that crashes
// before its answer is out answers nothing.
func (w *world) request(r *rand.Rand, method, path, key string, body any) answer {
	g := w.anyUp(r)
	if g == nil {
		return answer{}
	}
	text := ""
	if body != nil {
		text = string(encode(body))
	}
	request := httptest.NewRequestWithContext(g.life, method, path, strings.NewReader(text))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("X-Secret", hookSecret)
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	done := make(chan answer, 1)
	w.actors.Go(func() {
		rec := httptest.NewRecorder()
		if g.gate(g.life) != nil {
			return
		}
		g.http.ServeHTTP(rec, request)
		if g.gate(g.life) != nil {
			return // it was dead before the answer was out
		}
		done <- answer{rec.Code, rec.Header(), rec.Body.Bytes()}
	})
	timer := time.NewTimer(20*time.Second + 77)
	defer timer.Stop()
	select {
	case a := <-done:
		w.note("%s answers %s %s %s %s: %d %s", g.name, method, w.shortPath(path), key, text, a.status, a.field("detail"))
		return a
	case <-g.life.Done():
	case <-timer.C:
	}
	w.note("%s answers nothing to %s %s %s %s", g.name, method, w.shortPath(path), key, text)
	return answer{}
}

func (w *world) shortPath(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) > 2 && parts[1] == "runs" {
		parts[2] = w.name("run", parts[2])
	}
	return strings.Join(parts, "/")
}

func (w *world) anyUp(r *rand.Rand) *gateway {
	first := r.IntN(len(w.slots))
	for i := range w.slots {
		if g := w.slots[(first+i)%len(w.slots)].up(); g != nil {
			return g
		}
	}
	return nil
}

// insist repeats a request until it has an answer that is not passing.
func (w *world) insist(r *rand.Rand, method, path, key string, body any) answer {
	var a answer
	for range 400 {
		a = w.request(r, method, path, key, body)
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
			if a.field("code") == string(sdk.CodeOutcomeUnknown) {
				return a
			}
		default:
			return a
		}
		time.Sleep(between(r, 100*time.Millisecond, 2*time.Second))
	}
	w.violated("a client that insists is answered in the end", "%s %s %s: %d %s", method, path, key, a.status, a.body)
	return a
}

// clients does the work of a seed, and returns when it was sent.
func (w *world) clients() {
	r := w.random(actorClients)
	var clients sync.WaitGroup
	for n := range 5 + r.IntN(16) {
		time.Sleep(between(r, 0, 800*time.Millisecond))
		own := rand.New(rand.NewPCG(r.Uint64(), uint64(n)))
		act := pick(r, w.startOnce, w.startOnce, w.startOnce, w.startFreely, w.startFreely, w.sendEvent, w.sendEvent, w.callAction, w.control, w.control, w.control, w.control)
		clients.Go(func() { act(own, n) })
	}
	clients.Wait()
}

func input(r *rand.Rand, tag string) object { return object{"n": r.IntN(4), "tag": tag} }

// startOnce starts a run under a key, repeating until it is told; then perhaps
// once more.
func (w *world) startOnce(r *rand.Rand, n int) {
	tag := fmt.Sprintf("key-%d", n)
	path, body := fmt.Sprintf("/workflows/w%d/runs", r.IntN(3)), input(r, tag)
	w.repeatable(tag, request{path, tag, body})
	for range 1 + r.IntN(2) {
		if a := w.insist(r, http.MethodPost, path, tag, body); a.status == http.StatusAccepted {
			w.books.accepted(a.field("id"), tag)
		}
	}
}

// startFreely starts a run without a key.
func (w *world) startFreely(r *rand.Rand, n int) {
	a := w.request(r, http.MethodPost, fmt.Sprintf("/workflows/w%d/runs", r.IntN(3)), "", input(r, fmt.Sprintf("free-%d", n)))
	if a.status == http.StatusAccepted {
		w.books.accepted(a.field("id"), "")
	}
}

// sendEvent sends an event until it is acknowledged, and perhaps once more.
func (w *world) sendEvent(r *rand.Rand, n int) {
	id := fmt.Sprintf("evt-%d", n)
	event := object{"id": id, "n": r.IntN(4)}
	w.repeatable(id, request{"/webhooks/hook", "", event})
	for range 1 + r.IntN(2) {
		if a := w.insist(r, http.MethodPost, "/webhooks/hook", "", event); a.status == http.StatusOK {
			w.books.acknowledged(id)
		}
	}
}

// callAction calls an action under a key until it is told what came of it.
func (w *world) callAction(r *rand.Rand, n int) {
	key := fmt.Sprintf("act-%d", n)
	path := "/integrations/vendor/actions/" + pick(r, "keyed", "none")
	for range 1 + r.IntN(2) {
		a := w.insist(r, http.MethodPost, path, key, object{"request": key})
		w.books.answered(key, a)
	}
}

// control signals, cancels or retries a run that there is.
func (w *world) control(r *rand.Rand, n int) {
	for range 3 {
		time.Sleep(between(r, 0, 5*time.Second))
		id := w.books.anyRun(r)
		if id == "" {
			continue
		}
		switch r.IntN(6) {
		case 0:
			if a := w.request(r, http.MethodPost, "/runs/"+id+"/cancel", "", nil); a.status/100 == 2 {
				w.books.cancelled(id)
			}
		case 1:
			w.request(r, http.MethodPost, "/runs/"+id+"/retry", "", nil)
			w.count(&w.tally.retries)
		case 2, 3, 4:
			key := ""
			if chance(r, 50) {
				key = fmt.Sprintf("sig-%d", n)
			}
			tag := fmt.Sprintf("%d-%d", n, r.IntN(1000))
			if a := w.request(r, http.MethodPost, "/runs/"+id+"/signals/"+pick(r, "go", "stop"), key, object{"signal": tag}); a.status/100 == 2 {
				w.count(&w.tally.signals)
			}
		case 5:
			w.request(r, http.MethodGet, "/runs/"+id, "", nil)
		}
	}
}

// chaos pauses gateways, turns their clocks and kills them, all in their time.
func (w *world) chaos() {
	r := w.random(actorChaos)
	for range r.IntN(6) {
		time.Sleep(between(r, 200*time.Millisecond, 6*time.Second))
		g := w.anyUp(r)
		if g == nil {
			continue
		}
		switch r.IntN(4) {
		case 0:
			g.crash()
		case 1:
			g.turnClock(between(r, -2*time.Minute, 2*time.Minute))
			w.note("the clock of %s jumps", g.name)
		default:
			resume := g.stopSignal()
			w.count(&w.tally.pauses)
			w.note("%s is paused", g.name)
			time.Sleep(between(r, time.Second, 12*time.Second))
			w.note("%s goes on", g.name)
			resume()
		}
	}
}
