package stripedouble

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kind is a way to fail.
type Kind string

// The ways to fail. An answer that the operation began with is kept under the
// key, as Stripe does.
const (
	// CutBefore closes the connection before anything is done.
	CutBefore Kind = "cutBefore"
	// CutAfter closes the connection after everything is done, before the answer.
	CutAfter Kind = "cutAfter"
	// Error500 fails in the middle of the work, without an effect.
	Error500 Kind = "error500"
	// RateLimit answers 429 and does nothing.
	RateLimit Kind = "rateLimit"
	// Slow waits before it does the work.
	Slow Kind = "slow"
	// SlowAnswer does the work, and waits before it answers.
	SlowAnswer Kind = "slowAnswer"
	// HTML502 answers the page of a proxy and does nothing.
	HTML502 Kind = "html502"
	// HTML502After does the work, and a proxy loses the answer.
	HTML502After Kind = "html502After"
	// HalfAnswer does the work, and the connection breaks in the middle of the answer.
	HalfAnswer Kind = "halfAnswer"
	// Answer answers as the fault says, and does nothing.
	Answer Kind = "answer"
	// AnswerAfter does the work, and answers as the fault says.
	AnswerAfter Kind = "answerAfter"
)

// Fault is one scripted failure.
type Fault struct {
	Kind Kind `json:"kind"`
	// Operation is method and path of the requests that it waits for, such as
	// "POST /v1/customers"; empty means any.
	Operation string `json:"operation,omitempty"`
	// Where is a field of the form that the requests have, such as
	// "metadata[order]=7"; empty means any.
	Where string `json:"where,omitempty"`
	// Times is how many requests fail so; 0 means 1.
	Times int `json:"times,omitempty"`
	// RetryAfter is in seconds, for RateLimit; 0 leaves the header out.
	RetryAfter int `json:"retryAfter,omitempty"`
	// Status, Header and Body are those of Answer and AnswerAfter.
	Status int               `json:"status,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
	// DelayMillis is how long Slow and SlowAnswer wait.
	DelayMillis int `json:"delayMillis,omitempty"`
	// Until is what they wait for instead, in tests of the same process.
	Until <-chan struct{} `json:"-"`
}

// write sends the answer that the fault says.
func (f Fault) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body) // the client may be gone
}

// applies reports whether a request fails so.
func (f Fault) applies(operation, form string) bool {
	if f.Operation != "" && f.Operation != operation {
		return false
	}
	if f.Where == "" {
		return true
	}
	name, want, _ := strings.Cut(f.Where, "=")
	fields, err := url.ParseQuery(form)
	return err == nil && fields.Has(name) && fields.Get(name) == want
}

// wait waits if that is the failure.
func (f Fault) wait(kind Kind) {
	switch {
	case f.Kind != kind:
	case f.Until != nil:
		<-f.Until
	default:
		// Stripe goes on when its client has gone away, and so does this.
		time.Sleep(time.Duration(f.DelayMillis) * time.Millisecond)
	}
}

// Chance makes any request fail by chance, where no scripted fault applies. The
// same seed gives the same decisions in the order of the requests.
type Chance struct {
	// The kinds that may happen have probabilities, from 0 to 1 together.
	CutBefore    float64 `json:"cutBefore,omitempty"`
	CutAfter     float64 `json:"cutAfter,omitempty"`
	HTML502      float64 `json:"html502,omitempty"`
	HTML502After float64 `json:"html502After,omitempty"`
	RateLimit    float64 `json:"rateLimit,omitempty"`
	Slow         float64 `json:"slow,omitempty"`
	SlowAnswer   float64 `json:"slowAnswer,omitempty"`
	// DelayMillis is how long the slow ones wait.
	DelayMillis int    `json:"delayMillis,omitempty"`
	Seed        uint64 `json:"seed"`
}

// possible lists what may happen, in an order that is always the same.
func (c Chance) possible() []struct {
	kind        Kind
	probability float64
} {
	return []struct {
		kind        Kind
		probability float64
	}{
		{CutBefore, c.CutBefore}, {CutAfter, c.CutAfter}, {HTML502, c.HTML502}, {HTML502After, c.HTML502After},
		{RateLimit, c.RateLimit}, {Slow, c.Slow}, {SlowAnswer, c.SlowAnswer},
	}
}

// decide returns the fault for a throw of a dice in [0, 1); an empty Kind is
// none.
func (c Chance) decide(dice float64) Fault {
	for _, p := range c.possible() {
		if dice < p.probability {
			return Fault{Kind: p.kind, DelayMillis: c.DelayMillis}
		}
		dice -= p.probability
	}
	return Fault{}
}

// faults decide which request fails. They are guarded by Double.mu.
type faults struct {
	script []Fault
	chance Chance
	random *rand.Rand
}

// Script adds faults, which apply one after the other.
func (d *Double) Script(script ...Fault) error {
	for _, fault := range script {
		switch fault.Kind {
		case CutBefore, CutAfter, Error500, RateLimit, Slow, SlowAnswer, HTML502, HTML502After, HalfAnswer:
		case Answer, AnswerAfter:
			if fault.Status < 200 || fault.Status > 599 {
				return fmt.Errorf("stripedouble: there is no status %d", fault.Status)
			}
		default:
			return fmt.Errorf("stripedouble: there is no fault %q", fault.Kind)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, fault := range script {
		fault.Times = max(fault.Times, 1)
		d.faults.script = append(d.faults.script, fault)
	}
	return nil
}

// SetChance replaces the chances; the zero Chance switches them off.
func (d *Double) SetChance(chance Chance) error {
	sum := 0.0
	for _, p := range chance.possible() {
		if p.probability < 0 {
			return fmt.Errorf("stripedouble: the chance of %s is negative", p.kind)
		}
		sum += p.probability
	}
	if sum > 1 {
		return fmt.Errorf("stripedouble: the chances are more than 1 together")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.chance = chance
	d.faults.random = rand.New(rand.NewPCG(chance.Seed, chance.Seed))
	return nil
}

// Clear takes back all faults and chances.
func (d *Double) Clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = faults{}
}

// ClearWhere takes back the faults of that Where.
func (d *Double) ClearWhere(where string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.script = slices.DeleteFunc(d.faults.script, func(f Fault) bool { return f.Where == where })
}

// next returns the fault of the next request; an empty Kind is none.
func (f *faults) next(operation, form string) Fault {
	for i, fault := range f.script {
		if !fault.applies(operation, form) {
			continue
		}
		f.script[i].Times--
		if f.script[i].Times == 0 {
			f.script = append(f.script[:i:i], f.script[i+1:]...)
		}
		return fault
	}
	if f.random == nil {
		return Fault{}
	}
	return f.chance.decide(f.random.Float64())
}
