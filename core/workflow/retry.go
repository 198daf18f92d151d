package workflow

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"github.com/backflow/backflow/sdk/value"
)

// RetryPolicy says how often a failed action is called again, and when.
type RetryPolicy struct {
	// MaxAttempts counts the first call too; at least 1.
	MaxAttempts     int
	InitialInterval time.Duration
	MaxInterval     time.Duration
	Multiplier      float64
	// Delays, unless empty, say how long to wait after each attempt, in place of the
	// intervals: one less than MaxAttempts.
	Delays []time.Duration
	// NonRetryable are error codes after which the step fails at once.
	NonRetryable []string
}

// DefaultRetry holds where a step says nothing else. Its intervals outlast an hour's
// outage, whatever the jitter.
var DefaultRetry = RetryPolicy{
	MaxAttempts:     35,
	InitialInterval: 500 * time.Millisecond,
	MaxInterval:     5 * time.Minute,
	Multiplier:      2,
}

// firstDefaultRetry holds for the runs of definitions that were stored before
// DefaultRetry was what it is now: they keep what they started with.
var firstDefaultRetry = RetryPolicy{
	MaxAttempts:     10,
	InitialInterval: 500 * time.Millisecond,
	MaxInterval:     time.Minute,
	Multiplier:      2,
}

// Defaults are what holds where a definition says nothing, by the time at which it
// was stored. The numbers are stored with definitions.
type Defaults int

const (
	// FirstDefaults are those of definitions that were stored without a number.
	FirstDefaults Defaults = 1
	// CurrentDefaults are those of definitions that are parsed now.
	CurrentDefaults Defaults = 2
)

// retry is the policy of a step that says nothing.
func (d Defaults) retry() RetryPolicy {
	if d <= FirstDefaults {
		return firstDefaultRetry
	}
	return DefaultRetry
}

// interval is the longest wait after the given attempt, counting from 1.
func (p RetryPolicy) interval(attempt int) float64 {
	interval := float64(p.InitialInterval) * math.Pow(p.Multiplier, float64(attempt-1))
	if interval > float64(p.MaxInterval) || math.IsNaN(interval) {
		interval = float64(p.MaxInterval)
	}
	return interval
}

// delayJitter is how much longer than one of Delays a wait may be, as a share of it.
const delayJitter = 0.1

// delay is how long to wait after the given attempt (counting from 1): an
// exponential interval of which the upper half is jitter, or one of Delays and a tenth
// more at most. The jitter is drawn from the step's key, so that it differs between
// runs and is the same whenever the decision is made again.
func (p RetryPolicy) delay(attempt int, key string) time.Duration {
	sum := sha256.Sum256([]byte(key + "/" + strconv.Itoa(attempt)))
	share := float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
	if n := len(p.Delays); n > 0 {
		delay := p.Delays[min(attempt, n)-1]
		return delay + time.Duration(float64(delay)*delayJitter*share)
	}
	interval := p.interval(attempt)
	return time.Duration(interval/2 + interval/2*share)
}

// Lookup returns what is known of repeating a call with these params, false where that
// is not known at present. Without params it returns what is so of every call.
type Lookup func(integration, action string, params value.Doc) (Repeat, bool)

// Repeat says what is known of a call when it is to be made again.
type Repeat struct {
	// Safe: a second call does no harm, for it reads, or its key is honoured.
	Safe bool
	// Keyed: its key is honoured, so that a final refusal speaks for the earlier calls
	// with it too.
	Keyed bool
	// Reads: the action has no effect of which the outcome could be unknown.
	Reads bool
	// KeyLifetime is how long a key is honoured; zero means for ever.
	KeyLifetime time.Duration
}

// expired reports whether a key first sent at `first` may be forgotten at `at`.
func (r Repeat) expired(first, at time.Time) bool {
	return r.KeyLifetime > 0 && at.Sub(first) >= r.KeyLifetime
}
