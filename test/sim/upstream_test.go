package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// shortLife is how long the keys of the action "short" are promised to be
// honoured; the upstream keeps them a little longer, for clocks differ.
const (
	shortLife = 10 * time.Minute
	keptLife  = 15 * time.Minute
)

func spec(name string, writes bool, repeat sdk.Repeat, life time.Duration) sdk.ActionSpec {
	return sdk.ActionSpec{Name: name, Params: json.RawMessage(`{"type":"object"}`), Writes: writes, Repeat: repeat, KeyLifetime: life}
}

var upstreamManifest = &sdk.Manifest{Name: "vendor", Version: "1.0.0", Actions: []sdk.ActionSpec{
	spec("keyed", true, sdk.RepeatNative, 0),
	spec("short", true, sdk.RepeatNative, shortLife),
	spec("none", true, sdk.RepeatNone, 0),
	spec("idem", true, sdk.RepeatIdempotent, 0),
	spec("read", false, "", 0),
}}

// upstream is the external service that all gateways call. It honours keys and
// records every effect.
type upstream struct {
	sim *simulation

	mu        sync.Mutex // guards the fields below
	steps     map[string]*rand.Rand
	responses map[string]storedResponse // by key
	number    int
}

// storedResponse is the upstream's response to a key.
type storedResponse struct {
	at     time.Time
	body   string
	failed *sdk.Error
}

func newUpstream(sim *simulation) *upstream {
	return &upstream{sim: sim, steps: map[string]*rand.Rand{}, responses: map[string]storedResponse{}}
}

// fakeIntegration is the upstream as one gateway calls it.
type fakeIntegration struct {
	upstream *upstream
	gateway  *gateway
}

var _ action.Integration = (*fakeIntegration)(nil)

func (*fakeIntegration) Name() string            { return "vendor" }
func (*fakeIntegration) Manifest() *sdk.Manifest { return upstreamManifest }
func (*fakeIntegration) Status() action.Status   { return action.Status{State: action.StateReady} }

// Execute implements action.Integration.
func (i *fakeIntegration) Execute(ctx context.Context, c action.Call) (sdk.Result, error) {
	call := c.SDK()
	if err := i.gateway.proceed(ctx); err != nil {
		return sdk.Result{}, unanswered(err)
	}
	if bug := i.gateway.bug.key; bug != nil {
		call.IdempotencyKey = bug(call.IdempotencyKey)
	}
	up, lost := i.gateway.node.plugin()
	if !up {
		i.upstream.sim.model.refused(callSiteOf(i.upstream.sim, call), call)
		return sdk.Result{}, down()
	}
	result, err := i.upstream.execute(ctx, i.gateway, call, lost)
	if failed, ok := errors.AsType[*sdk.Error](err); ok && i.gateway.bug.failure != nil {
		err = i.gateway.bug.failure(*failed)
	}
	if gate := i.gateway.proceed(context.WithoutCancel(ctx)); gate != nil {
		return sdk.Result{}, unanswered(gate)
	}
	if err != nil {
		return sdk.Result{}, err
	}
	i.upstream.sim.model.returned(i.gateway, call.IdempotencyKey)
	return result, nil
}

// callSite is the place of a call in its workflow, as its params carry it.
type callSite struct {
	Run  string `json:"run"`
	Step string `json:"step"`
	Item string `json:"item"`
	// Request is the client's key of a call that belongs to no run.
	Request string `json:"request"`
}

func callSiteOf(sim *simulation, call sdk.Call) (at callSite) {
	if err := json.Unmarshal(call.Params, &at); err != nil {
		sim.violated("params arrive as they were written", "%s: %v", call.Params, err)
	}
	return at
}

// callPlan is what happens to a call.
type callPlan struct {
	requestDelay, responseDelay time.Duration
	refused                     bool // before the effect, for certain
	failed                      bool // before the effect, of which the caller cannot be sure
	declined                    bool // for good
	failedAfter                 bool // an error after the effect
	inUse                       bool // before the effect: the first request with the key may be under way
	unkept                      bool // the effect stands, and its result cannot be kept
	cutOff                      bool // the effect stands, and its result did not come whole
	responseLost                bool // the response does not arrive
	duplicated                  bool // the request arrives twice
	cancelDelay                 time.Duration
	pad                         int // bytes in the result that nothing reads
}

func keyed(action string) bool { return action == "keyed" || action == "short" }

// draw decides about the next call of a step, of any run.
func (u *upstream) draw(action string, at callSite) callPlan {
	u.mu.Lock()
	defer u.mu.Unlock()
	step := at.Step + at.Item + at.Request
	r := u.steps[step]
	if r == nil {
		r = u.sim.randomOf(actorUpstream, step)
		u.steps[step] = r
	}
	c := callPlan{requestDelay: between(r, 0, 30*time.Millisecond), responseDelay: between(r, 0, 30*time.Millisecond)}
	dice, slow, deaf := r.IntN(100), r.IntN(100), r.IntN(100)
	far := between(r, 0, 8*time.Second)
	if large := r.IntN(1000); u.sim.maxEntry > 0 && large < 150 {
		c.pad = 20 * large
		if large < 30 {
			c.pad += u.sim.maxEntry
		}
	}
	if !u.sim.faults.Load() {
		return c
	}
	if slow < 12 {
		c.requestDelay = far
	} else if slow < 24 {
		c.responseDelay = far
	}
	if deaf < 4 {
		c.cancelDelay = far
	}
	switch {
	case dice < 7:
		c.refused = true
	case dice < 11:
		c.failed = true
	case dice < 15:
		c.declined = true
	case dice < 21:
		c.failedAfter = true
	case dice < 25:
		c.responseLost = true
	case dice < 30 && keyed(action):
		c.duplicated = true // only a key can help against that
	case dice < 33:
		c.inUse = keyed(action)
	case dice < 37:
		c.unkept = true
	case dice < 39:
		c.cutOff = true
	}
	return c
}

func (u *upstream) execute(ctx context.Context, g *gateway, call sdk.Call, lost <-chan struct{}) (sdk.Result, error) {
	at := callSiteOf(u.sim, call)
	label := u.sim.model.called(g, at, call)
	c := u.draw(call.Action, at)
	u.sim.note("%s calls %s %s %+v", g.name, call.Action, label, c)
	arrived := make(chan storedResponse, 1)
	u.sim.actors.Go(func() { // a request that was sent arrives, even if the caller gives up
		time.Sleep(c.requestDelay)
		response := u.receive(at, call, c)
		if c.duplicated {
			time.Sleep(c.requestDelay)
			response = u.receive(at, call, c)
		}
		time.Sleep(c.responseDelay)
		if !c.responseLost {
			arrived <- response
		}
	})
	select {
	case response := <-arrived:
		if response.failed != nil {
			return sdk.Result{}, response.failed
		}
		if c.failedAfter {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeUpstream, Message: "the upstream failed", Retryable: true}
		}
		if c.cutOff {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeUpstream, Message: "the answer was cut off", Retryable: true, Outcome: sdk.OutcomeExecuted}
		}
		return sdk.Result{Body: []byte(response.body)}, nil
	case <-lost:
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: "the plugin died", Retryable: true}
	case <-ctx.Done():
		time.Sleep(c.cancelDelay)
		return sdk.Result{}, unanswered(ctx.Err())
	}
}

func unanswered(err error) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeTimeout, Message: err.Error(), Retryable: true}
}

// receive handles a request at the upstream.
func (u *upstream) receive(at callSite, call sdk.Call, c callPlan) storedResponse {
	u.mu.Lock()
	defer u.mu.Unlock()
	if before, known := u.responses[call.IdempotencyKey]; known && keyed(call.Action) {
		if call.Action == "keyed" || time.Since(before.at) < keptLife {
			return before
		}
	}
	response := storedResponse{at: time.Now()}
	switch {
	case c.refused:
		return storedResponse{failed: &sdk.Error{Code: sdk.CodeRateLimited, Message: "later", Retryable: true, Outcome: sdk.OutcomeNotExecuted, RetryAfter: 200 * time.Millisecond}}
	case c.failed:
		return storedResponse{failed: &sdk.Error{Code: sdk.CodeUpstream, Message: "the upstream failed", Retryable: true}}
	case c.inUse:
		return storedResponse{failed: &sdk.Error{Code: sdk.CodeConflict, Message: "the key is in use", Retryable: true, Outcome: sdk.OutcomeUnknown, RetryAfter: 200 * time.Millisecond}}
	case c.declined:
		response.failed = &sdk.Error{Code: sdk.CodeDeclined, Message: "declined", Final: true, Outcome: sdk.OutcomeNotExecuted}
	default:
		u.number++
		response.body = fmt.Sprintf(`{"n":%d}`, u.number)
		if c.pad > 0 {
			response.body = fmt.Sprintf(`{"n":%d,"pad":%q}`, u.number, strings.Repeat("x", c.pad))
		}
		if c.unkept && at.Run != "" {
			response.body = ""
			response.failed = sdk.Executed(sdk.CodeInternal, "the answer is no JSON")
		}
		if call.Action != "read" {
			u.sim.model.effect(at, call)
		}
	}
	if keyed(call.Action) {
		u.responses[call.IdempotencyKey] = response
	}
	return response
}
