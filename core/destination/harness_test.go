package destination

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receivedMessage is a request as a receiver got it.
type receivedMessage struct {
	host   string
	id     string
	at     time.Time
	header http.Header
	body   string
	status int
}

// receivers are what is behind the URLs of destinations. They stand in for the network:
// what respond returns for the n-th request to a host is the response.
type receivers struct {
	respond func(ctx context.Context, n int, m *receivedMessage) (*http.Response, error)

	mu  sync.Mutex
	got []receivedMessage
}

func (r *receivers) RoundTrip(request *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(request.Body)
	m := receivedMessage{host: request.URL.Host, id: request.Header.Get("Webhook-Id"), at: time.Now(), header: request.Header.Clone(), body: string(body)}
	r.mu.Lock()
	n := 1
	for _, other := range r.got {
		if other.host == m.host {
			n++
		}
	}
	at := len(r.got)
	r.got = append(r.got, m)
	r.mu.Unlock()
	response, err := r.respond(request.Context(), n, &m)
	if err == nil {
		r.mu.Lock()
		r.got[at].status = response.StatusCode
		r.mu.Unlock()
	}
	return response, err
}

func (r *receivers) requests() []receivedMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// status makes a response.
func status(code int, headers ...string) *http.Response {
	response := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(fmt.Appendf(nil, "said %d", code)))}
	for i := 0; i+1 < len(headers); i += 2 {
		response.Header.Set(headers[i], headers[i+1])
	}
	return response
}

// always responds in the same way.
func always(code int) *receivers {
	return &receivers{respond: func(context.Context, int, *receivedMessage) (*http.Response, error) { return status(code), nil }}
}

// testLease is a lease that lasts until its record is removed.
type testLease struct {
	id    string
	store state.Store
}

func (l testLease) ID() string      { return l.id }
func (l testLease) Fence() state.Op { return state.Require("lease", l.id) }
func (l testLease) Alive(ctx context.Context, id string) (bool, error) {
	found, err := l.store.Get(ctx, state.Ref{Bucket: "lease", ID: id})
	return err == nil && found[0] != nil, err
}

// actions finds what the runs of messages call.
type actions struct{ *action.Registry }

func (a actions) Find(integration, name string) (*action.Action, error) {
	return a.Registry.Find(integration, name)
}

// process is a gateway process over a store that outlives it.
type process struct {
	*Service
	t      *testing.T
	engine *engine.Engine
	lease  testLease
	sender *Integration
}

func open(t *testing.T, store state.Store, lease string, network *receivers, list ...Definition) *process {
	t.Helper()
	if err := store.Commit(context.Background(), state.Insert("lease", lease, nil, 0)); err != nil {
		t.Fatal(err)
	}
	p := &process{Service: New(Options{Transport: network, CheckInterval: 20 * time.Minute}), t: t, lease: testLease{lease, store}}
	registry, err := action.NewRegistry(p.Deliverer())
	if err != nil {
		t.Fatal(err)
	}
	p.engine = engine.New(engine.Options{Store: store, Lease: p.lease, Actions: actions{registry}, CheckInterval: 20 * time.Minute})
	p.Use(store, p.lease, p.engine)
	var made []*Destination
	var definitions []*workflow.Definition
	for _, d := range list {
		destination, err := NewDestination(d, egress.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		turns := Turns{Concurrency: 4}
		if d.Order != nil {
			turns.Ordered = &workflow.Ordered{BlockFor: time.Hour}
		}
		definition, err := Workflow(d.Name, turns)
		if err != nil {
			t.Fatal(err)
		}
		made, definitions = append(made, destination), append(definitions, definition)
	}
	if err := p.engine.SetDefinitions(context.Background(), definitions); err != nil {
		t.Fatal(err)
	}
	p.Set(made, egress.Policy{})
	p.sender = NewIntegration(p.Names()).Through(p.Service)
	p.engine.Run()
	p.Run()
	return p
}

// stop ends the process and lets attempts finish.
func (p *process) stop() {
	p.t.Helper()
	p.Stop()
	if err := p.engine.Stop(context.Background()); err != nil {
		p.t.Error(err)
	}
}

// crash ends it as kill -9 does.
func (p *process) crash() {
	p.t.Helper()
	if err := p.lease.store.Commit(context.Background(), state.Delete("lease", p.lease.id)); err != nil {
		p.t.Fatal(err)
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.engine.Stop(now)
	p.Stop()
}

// call calls an action of the integration with a key.
func (p *process) call(name, key, params string) (map[string]any, error) {
	result, err := p.sender.Execute(context.Background(), action.Call{Action: name, Params: value.TrustedDoc([]byte(params)), IdempotencyKey: key})
	if err != nil {
		return nil, err
	}
	made := map[string]any{}
	if err := json.Unmarshal(result.Body, &made); err != nil {
		p.t.Fatal(err)
	}
	return made, nil
}

// send sends a message to crm and returns its id.
func (p *process) send(key string) string {
	p.t.Helper()
	made, err := p.call(ActionSend, key, `{"destination":"crm","type":"order.paid","data":{"n":`+fmt.Sprintf("%q", key)+`}}`)
	if err != nil {
		p.t.Fatal(err)
	}
	return made["id"].(string)
}

// messages are those of crm, the newest first.
func (p *process) messages(statuses ...Status) []Message {
	p.t.Helper()
	messages, _, err := p.Messages(context.Background(), "crm", MessageRequest{Filter: MessageFilter{Statuses: statuses}, Limit: 200})
	if err != nil {
		p.t.Fatal(err)
	}
	return messages
}

func (p *process) message(id string) Message {
	p.t.Helper()
	m, err := p.Message(context.Background(), "crm", id)
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

func (p *process) view() View {
	p.t.Helper()
	v, err := p.Show(context.Background(), "crm")
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// pass lets time pass, as long as it takes at most, until a condition holds.
func (p *process) pass(most time.Duration, holds func() bool) {
	p.t.Helper()
	for began := time.Now(); !holds(); {
		if time.Since(began) > most {
			p.t.Fatalf("after %s it does not hold", most)
		}
		time.Sleep(max(most/1000, time.Second))
	}
}

func crm() Definition {
	return Definition{Name: "crm", URL: "https://crm.example.com/hooks", Shown: "https://crm.example.com/hooks", Secrets: []string{testSecret}}
}

func newStore() state.Store { return memory.New(memory.Options{}) }

// codeOf returns the code of an error of the SDK, "" for any other error.
func codeOf(err error) sdk.Code {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e.Code
	}
	return ""
}
