package stripedouble

import (
	"fmt"
	"math/rand/v2"
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
	// HTML502 answers the page of a proxy and does nothing.
	HTML502 Kind = "html502"
	// HTML502After does the work, and a proxy loses the answer.
	HTML502After Kind = "html502After"
)

// Fault is one scripted failure.
type Fault struct {
	Kind Kind `json:"kind"`
	// Operation is method and path of the requests that it waits for, such as
	// "POST /v1/customers"; empty means any.
	Operation string `json:"operation,omitempty"`
	// Times is how many requests fail so; 0 means 1.
	Times int `json:"times,omitempty"`
	// RetryAfter is in seconds, for RateLimit; 0 leaves the header out.
	RetryAfter int `json:"retryAfter,omitempty"`
	// DelayMillis is how long Slow waits.
	DelayMillis int `json:"delayMillis,omitempty"`
	// Until is what Slow waits for instead, in tests of the same process.
	Until <-chan struct{} `json:"-"`
}

func (f Fault) wait() {
	switch {
	case f.Kind != Slow:
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
	// CutBefore and CutAfter are probabilities, from 0 to 1 together.
	CutBefore float64 `json:"cutBefore"`
	CutAfter  float64 `json:"cutAfter"`
	Seed      uint64  `json:"seed"`
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
		case CutBefore, CutAfter, Error500, RateLimit, Slow, HTML502, HTML502After:
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
	if chance.CutBefore < 0 || chance.CutAfter < 0 || chance.CutBefore+chance.CutAfter > 1 {
		return fmt.Errorf("stripedouble: chances are from 0 to 1 together")
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

// next answers the fault of the next request; an empty Kind is none.
func (f *faults) next(operation string) Fault {
	for i, fault := range f.script {
		if fault.Operation != "" && fault.Operation != operation {
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
	switch dice := f.random.Float64(); {
	case dice < f.chance.CutBefore:
		return Fault{Kind: CutBefore}
	case dice < f.chance.CutBefore+f.chance.CutAfter:
		return Fault{Kind: CutAfter}
	}
	return Fault{}
}
