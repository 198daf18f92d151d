package resource

import (
	"fmt"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/mock"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// Env is what all requests to a sandbox share.
type Env struct {
	Mock   *mock.Mock
	Module *Module
	// Targets are the names of the webhooks of the config, which take all events.
	Targets []string
}

// Tx is one change of the state. It is for one goroutine. An error of the state
// itself needs no care: all methods do nothing from then on, and the request fails.
type Tx struct {
	env   *Env
	state *store.Tx
	// real is the time of the machine, base the sandbox's own; clock is the test
	// clock in use.
	real, base time.Time
	clock      string

	account string
	request *Request
	quiet   bool
	// made are the events, of which the first settled ones were listened to.
	made    []event
	settled int
	changed map[string]bool
	err     error
}

// Begin makes the Tx of one request, or of a timer when request is nil. Real is the
// time of the machine, base the sandbox's own.
func (e *Env) Begin(state *store.Tx, account string, real, base time.Time, request *Request) *Tx {
	return &Tx{env: e, state: state, account: account, real: real, base: base, request: request, changed: map[string]bool{}}
}

// Err is what went wrong with the state, nil if nothing did.
func (t *Tx) Err() error {
	if t.err != nil {
		return t.err
	}
	return t.state.Err()
}

func (t *Tx) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// Account is the connected account that the request acts for, empty for the
// sandbox's own.
func (t *Tx) Account() string { return t.account }

// New returns a new object of a type: every field that Stripe's fixture has, null
// where it may be, with a new id, created now. It is not stored yet.
func (t *Tx) New(kind string) Object {
	o := t.Blank(kind)
	o["id"] = t.NewID(kind)
	if o.Has("created") {
		o["created"] = t.Now().Unix()
	}
	return o
}

// Blank returns every field that Stripe's fixture of a type has, null where it may
// be, else as in the fixture.
func (t *Tx) Blank(kind string) Object {
	raw := t.env.Mock.Fixture(kind)
	if raw == nil {
		t.fail(fmt.Errorf("sandbox: no fixture of %q", kind))
		return Object{"object": kind}
	}
	o, err := Decode(raw)
	if err != nil {
		t.fail(fmt.Errorf("sandbox: fixture of %q: %w", kind, err))
		return Object{"object": kind}
	}
	for name := range o {
		switch {
		case name == "metadata":
			o[name] = Object{}
		case t.env.Mock.Nullable(kind, name):
			o[name] = nil
		}
	}
	return o
}

// Find returns a stored object. Changing it changes nothing that is stored.
func (t *Tx) Find(kind, id string) (Object, bool) {
	if id == "" {
		return nil, false
	}
	found, ok := t.state.Find(t.account, kind, id)
	if !ok {
		return nil, false
	}
	return t.decode(found.Data), true
}

func (t *Tx) decode(raw []byte) Object {
	o, err := Decode(raw)
	if err != nil {
		t.fail(fmt.Errorf("sandbox: stored object: %w", err))
		return Object{}
	}
	return o
}

// Get returns the object that a param names. One that is not there, or is deleted,
// is refused.
func (t *Tx) Get(kind, id, param string) (Object, *Refusal) {
	o, ok := t.Find(kind, id)
	if !ok || o.Bool("deleted") {
		return nil, Missing(kind, id, param)
	}
	return o, nil
}

// Subject returns the object that the path names, which is the last id in it. One that
// is not there is refused, and so is one that is deleted.
func (t *Tx) Subject(r *Request, kind string) (Object, *Refusal) {
	o, ok := t.Find(kind, r.Subject())
	if !ok || o.Bool("deleted") {
		return nil, MissingSubject(kind, r.Subject())
	}
	return o, nil
}

// Put stores an object under its type and id.
func (t *Tx) Put(o Object) { t.put(o) }

// put stores an object and returns it as it was written.
func (t *Tx) put(o Object) []byte {
	raw, err := o.encode()
	if err != nil || o.ID() == "" || o.Kind() == "" {
		t.fail(fmt.Errorf("sandbox: cannot store a %q: %w", o.Kind(), err))
		return nil
	}
	t.changed[o.Kind()+"/"+o.ID()] = true
	created := o.Int("created")
	if o.Kind() == Event {
		created = t.real.Unix() // they are forgotten by age, and a test clock may stand long ago
	}
	t.state.Put(store.Object{Account: t.account, Kind: o.Kind(), ID: o.ID(), Created: created, Gone: o.Bool("deleted"), Data: raw})
	return raw
}

// Remove forgets an object and stops its timers: from now on it is not found.
func (t *Tx) Remove(o Object) Object {
	t.Stop(o.ID(), "")
	t.state.Remove(t.account, o.Kind(), o.ID())
	return Object{"id": o.ID(), "object": o.Kind(), "deleted": true}
}

// Bury deletes an object that Stripe keeps showing as deleted, as it does with
// customers, and stops its timers.
func (t *Tx) Bury(o Object) Object {
	t.Stop(o.ID(), "")
	rest := Object{"id": o.ID(), "object": o.Kind(), "deleted": true}
	t.Put(rest)
	return rest
}

// Fresh returns an object as it is stored now, or as it was given where it is not.
func (t *Tx) Fresh(o Object) Object {
	if raw, ok := t.Find(o.Kind(), o.ID()); ok {
		return raw
	}
	return o
}

// Seed makes the objects that the sandbox begins with, without events. The sandbox
// calls it.
func (t *Tx) Seed() {
	t.quiet = true
	t.env.Module.Seed(t)
	t.quiet = false
}

// Settle calls the listeners of the events that were made, in their order, until no
// more are made, and returns the result of the operation as it is stored then. The
// sandbox calls it.
func (t *Tx) Settle(result Object) Object {
	t.changed = map[string]bool{}
	for ; t.settled < len(t.made) && t.Err() == nil; t.settled++ {
		one := t.made[t.settled]
		before := t.On(one.clock)
		for _, listener := range t.env.Module.Listeners[one.kind] {
			listener(t, one.object.Clone())
		}
		t.On(before)
	}
	if result != nil && t.changed[result.Kind()+"/"+result.ID()] {
		return t.Fresh(result)
	}
	return result
}

// Events counts the events that were made, by their type.
func (t *Tx) Events() map[string]int {
	events := map[string]int{}
	for _, one := range t.made {
		events[one.kind]++
	}
	return events
}
