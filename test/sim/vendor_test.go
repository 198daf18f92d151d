package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// shortLife is how long the keys of the action "short" are promised to be
// honoured; the vendor keeps them a little longer, for clocks differ.
const (
	shortLife = 10 * time.Minute
	keptLife  = 15 * time.Minute
)

func spec(name string, writes bool, repeat sdk.Repeat, life time.Duration) sdk.ActionSpec {
	return sdk.ActionSpec{Name: name, Params: json.RawMessage(`{"type":"object"}`), Writes: writes, Repeat: repeat, KeyLifetime: life}
}

var vendorManifest = &sdk.Manifest{Name: "vendor", Version: "1.0.0", Actions: []sdk.ActionSpec{
	spec("keyed", true, sdk.RepeatNative, 0),
	spec("short", true, sdk.RepeatNative, shortLife),
	spec("none", true, sdk.RepeatNone, 0),
	spec("idem", true, sdk.RepeatIdempotent, 0),
	spec("read", false, "", 0),
}}

// vendor is the world outside, which all gateways call. It honours keys and
// keeps book of every effect.
type vendor struct {
	w *world

	mu      sync.Mutex // guards the fields below
	steps   map[string]*rand.Rand
	answers map[string]given // by key
	number  int
}

// given is what the vendor answered to a key.
type given struct {
	at     time.Time
	body   string
	failed *sdk.Error
}

func newVendor(w *world) *vendor {
	return &vendor{w: w, steps: map[string]*rand.Rand{}, answers: map[string]given{}}
}

// port is the vendor as one gateway calls it.
type port struct {
	vendor  *vendor
	gateway *gateway
}

var _ action.Integration = (*port)(nil)

func (*port) Name() string            { return "vendor" }
func (*port) Manifest() *sdk.Manifest { return vendorManifest }
func (*port) Status() action.Status   { return action.Status{State: action.StateReady} }

// Execute implements action.Integration.
func (p *port) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	if err := p.gateway.gate(ctx); err != nil {
		return sdk.Result{}, unanswered(err)
	}
	up, lost := p.gateway.slot.plugin()
	if !up {
		p.vendor.w.books.refused(placeOf(p.vendor.w, call), call)
		return sdk.Result{}, down()
	}
	result, err := p.vendor.execute(ctx, p.gateway, call, lost)
	if gate := p.gateway.gate(context.WithoutCancel(ctx)); gate != nil {
		return sdk.Result{}, unanswered(gate)
	}
	if err != nil {
		return sdk.Result{}, err
	}
	return result, nil
}

// place is where a call stands: its params.
type place struct {
	Run  string `json:"run"`
	Step string `json:"step"`
	Item string `json:"item"`
	// Request is the client's key of a call that belongs to no run.
	Request string `json:"request"`
}

func placeOf(w *world, call sdk.Call) (at place) {
	if err := json.Unmarshal(call.Params, &at); err != nil {
		w.violated("params arrive as they were written", "%s: %v", call.Params, err)
	}
	return at
}

// course is what becomes of a call.
type course struct {
	way, back time.Duration
	refused   bool // before the effect, for certain
	failed    bool // before the effect, of which the caller cannot be sure
	declined  bool // for good
	after     bool // an error after the effect
	lost      bool // the answer is lost
	twice     bool // the request arrives twice
	deaf      time.Duration
}

func keyed(action string) bool { return action == "keyed" || action == "short" }

// draw decides about the next call of a step, whichever run it is of.
func (v *vendor) draw(action string, at place) course {
	v.mu.Lock()
	defer v.mu.Unlock()
	step := at.Step + at.Item + at.Request
	r := v.steps[step]
	if r == nil {
		r = v.w.randomOf(actorVendor, step)
		v.steps[step] = r
	}
	c := course{way: between(r, 0, 30*time.Millisecond), back: between(r, 0, 30*time.Millisecond)}
	dice, slow, deaf := r.IntN(100), r.IntN(100), r.IntN(100)
	far := between(r, 0, 8*time.Second)
	if !v.w.faults.Load() {
		return c
	}
	if slow < 12 {
		c.way = far
	} else if slow < 24 {
		c.back = far
	}
	if deaf < 4 {
		c.deaf = far
	}
	switch {
	case dice < 7:
		c.refused = true
	case dice < 11:
		c.failed = true
	case dice < 15:
		c.declined = true
	case dice < 21:
		c.after = true
	case dice < 25:
		c.lost = true
	case dice < 30 && keyed(action):
		c.twice = true // nobody but a key can help against that
	}
	return c
}

func (v *vendor) execute(ctx context.Context, g *gateway, call sdk.Call, lost <-chan struct{}) (sdk.Result, error) {
	at := placeOf(v.w, call)
	label := v.w.books.called(g, at, call)
	c := v.draw(call.Action, at)
	v.w.note("%s calls %s %s %+v", g.name, call.Action, label, c)
	arrived := make(chan given, 1)
	v.w.actors.Go(func() { // what is on its way arrives, whatever becomes of the caller
		time.Sleep(c.way)
		answer := v.arrive(at, call, c)
		if c.twice {
			time.Sleep(c.way)
			answer = v.arrive(at, call, c)
		}
		time.Sleep(c.back)
		if !c.lost {
			arrived <- answer
		}
	})
	select {
	case answer := <-arrived:
		if answer.failed != nil {
			return sdk.Result{}, answer.failed
		}
		if c.after {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeUpstream, Message: "the vendor failed", Retryable: true}
		}
		return sdk.Result{Body: []byte(answer.body)}, nil
	case <-lost:
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: "the plugin died", Retryable: true}
	case <-ctx.Done():
		time.Sleep(c.deaf)
		return sdk.Result{}, unanswered(ctx.Err())
	}
}

func unanswered(err error) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeTimeout, Message: err.Error(), Retryable: true}
}

// arrive is a request at the vendor.
func (v *vendor) arrive(at place, call sdk.Call, c course) given {
	v.mu.Lock()
	defer v.mu.Unlock()
	if before, known := v.answers[call.IdempotencyKey]; known && keyed(call.Action) {
		if call.Action == "keyed" || time.Since(before.at) < keptLife {
			return before
		}
	}
	answer := given{at: time.Now()}
	switch {
	case c.refused:
		return given{failed: &sdk.Error{Code: sdk.CodeRateLimited, Message: "later", Retryable: true, Outcome: sdk.OutcomeNotExecuted, RetryAfter: 200 * time.Millisecond}}
	case c.failed:
		return given{failed: &sdk.Error{Code: sdk.CodeUpstream, Message: "the vendor failed", Retryable: true}}
	case c.declined:
		answer.failed = &sdk.Error{Code: sdk.CodeDeclined, Message: "declined", Final: true, Outcome: sdk.OutcomeNotExecuted}
	default:
		v.number++
		answer.body = fmt.Sprintf(`{"n":%d}`, v.number)
		if call.Action != "read" {
			v.w.books.effect(at, call)
		}
	}
	if keyed(call.Action) {
		v.answers[call.IdempotencyKey] = answer
	}
	return answer
}
