package workflow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// Ordered has the runs of one key go one at a time, in the order of their arrival. It
// says how a new run is placed, and is no part of the definition that a run is pinned
// to: neither of its Raw nor of its Hash.
type Ordered struct {
	// Key renders to what the order is kept by, over the values that a run starts with.
	// A value that is missing, or null, is the empty key.
	Key *template.Template
	// BlockFor is how long a run that does not succeed keeps the next of its key
	// waiting, from the beginning of its first step. It is more than 0.
	BlockFor time.Duration
}

// DefaultBlockFor is the BlockFor of an order that gives none.
const DefaultBlockFor = time.Hour

// Lane bounds how many runs of one key are worked on at once, and how many begin in a
// time. A run that waits is not worked on. Like Ordered it says how a new run is placed.
type Lane struct {
	// Key renders to what is bounded, as that of Ordered does; nil is one key for all.
	Key *template.Template
	// Concurrency is how many runs are worked on at once; 0 is no bound.
	Concurrency int
	// Rate bounds how many runs begin; the zero value is no bound.
	Rate Rate
	// RateOfAttempts has Rate also count each time that a run goes on after a wait.
	RateOfAttempts bool
}

// Rate is a number of times within a time. In no time of that length there are more.
type Rate struct {
	Count int
	Per   time.Duration
}

// IsZero reports whether the rate is no bound.
func (r Rate) IsZero() bool { return r == Rate{} }

// Bounds of a lane.
const (
	// maxLaneConcurrency is the most runs of a key that may be worked on at once.
	maxLaneConcurrency = 10_000
	// maxRate is the most times that a rate may allow.
	maxRate = 1_000_000
)

var rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

// ParseRate reads a rate such as "50/s", "10/m" or "100/h".
func ParseRate(s string) (Rate, error) {
	number, unit, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(number)
	per, known := rateUnits[unit]
	if err != nil || !known || n < 1 || n > maxRate || strconv.Itoa(n) != number {
		return Rate{}, fmt.Errorf("%q is not a rate: a number from 1 to %d, and /s, /m or /h", s, maxRate)
	}
	return Rate{Count: n, Per: per}, nil
}

// ParseOrdered reads an order, JSON: the template of its key, or {key, blockFor}. Roots
// are those that a run starts with; of them the key sees neither steps nor the run. The
// error is template.Faults, with JSON Pointers into raw.
func ParseOrdered(raw []byte, roots []string) (*Ordered, error) {
	p := newParser(startRoots(roots))
	o := &Ordered{BlockFor: DefaultBlockFor}
	switch v := p.parse(raw).(type) {
	case string:
		o.Key = p.placementKey(v, "")
	case map[string]any:
		p.checkKeys(v, "", []string{"key", "blockFor"})
		if key, given := v["key"]; given {
			o.Key = p.placementKey(key, "/key")
		} else if !p.misspelt(v, "key") {
			p.fault("", `such as "{{payload.data.object.id}}"`, "key is missing")
		}
		if d := p.duration(v, "", "blockFor"); d > 0 {
			o.BlockFor = d
		}
	default:
		p.fault("", `such as "{{payload.data.object.id}}"`, "must be the template of a key, or an object with key and blockFor")
	}
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return o, nil
}

// ParseLane reads a lane, JSON: {key, concurrency, rate}. Roots and errors are as for
// ParseOrdered.
func ParseLane(raw []byte, roots []string) (*Lane, error) {
	p := newParser(startRoots(roots))
	members, ok := p.parse(raw).(map[string]any)
	if !ok {
		p.fault("", "", "must be an object with key, and concurrency or rate")
		return nil, p.faults
	}
	p.checkKeys(members, "", []string{"key", "concurrency", "rate"})
	l := &Lane{}
	if key, given := members["key"]; given {
		l.Key = p.placementKey(key, "/key")
	}
	n, bounded := members["concurrency"]
	if bounded {
		l.Concurrency = p.count(n, "/concurrency", maxLaneConcurrency)
	}
	rate, rated := members["rate"]
	if rated {
		l.Rate = p.rate(rate, "/rate")
	}
	if !bounded && !rated && !p.misspelt(members, "concurrency") && !p.misspelt(members, "rate") {
		p.fault("", `such as "concurrency": 4, or "rate": "50/s"`, "neither concurrency nor rate is given")
	}
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return l, nil
}

func (p *parser) rate(v any, at string) Rate {
	text, ok := v.(string)
	if !ok {
		p.fault(at, `such as "50/s"`, "must be a string, not %s", value.KindOf(v))
		return Rate{}
	}
	rate, err := ParseRate(text)
	if err != nil {
		p.fault(at, `such as "50/s", "10/m" or "100/h"`, "%v", err)
	}
	return rate
}

// placementKey compiles the key of an order or a lane.
func (p *parser) placementKey(v any, at string) *template.Template {
	text, ok := v.(string)
	if !ok || text == "" {
		p.fault(at, `such as "{{payload.account}}"`, "must be a string that is not empty")
		return nil
	}
	if root, _, path := strings.Cut(text, "."); path && slices.Contains(p.roots, root) {
		p.fault(at, fmt.Sprintf(`write "{{%s}}"`, text), "the key has no placeholder, so that it is the same for all")
		return nil
	}
	return p.template(text, at)
}

// startRoots are those roots that have a value before a run has started.
func startRoots(roots []string) []string {
	return slices.DeleteFunc(slices.Clone(roots), func(root string) bool { return root == "steps" || root == "run" })
}

// PlacementKey renders the key of an order or a lane over the values that a run starts
// with. What cannot be rendered to text is the empty key: a run is never refused for it.
func PlacementKey(key *template.Template, roots map[string]value.Doc) string {
	if key == nil {
		return ""
	}
	rendered, err := key.Render(template.Docs(roots))
	if err != nil || rendered == nil {
		return ""
	}
	text, err := value.Text(rendered)
	if err != nil {
		return ""
	}
	return text
}
