package workflow

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
	"time"
)

// RetryPolicy says how often a failed action is called again, and when.
type RetryPolicy struct {
	// MaxAttempts counts the first call too; at least 1.
	MaxAttempts     int
	InitialInterval time.Duration
	MaxInterval     time.Duration
	Multiplier      float64
	// NonRetryable are error codes after which the step fails at once.
	NonRetryable []string
}

// DefaultRetry holds where a step says nothing else.
var DefaultRetry = RetryPolicy{
	MaxAttempts:     10,
	InitialInterval: 500 * time.Millisecond,
	MaxInterval:     time.Minute,
	Multiplier:      2,
}

// delay is how long to wait after the given attempt (counting from 1): an
// exponential interval of which the upper half is jitter. The jitter is drawn
// from the step's key, so that it differs between runs and is the same
// whenever the decision is made again.
func (p RetryPolicy) delay(attempt int, key string) time.Duration {
	interval := float64(p.InitialInterval) * math.Pow(p.Multiplier, float64(attempt-1))
	if interval > float64(p.MaxInterval) || math.IsNaN(interval) {
		interval = float64(p.MaxInterval)
	}
	sum := sha256.Sum256([]byte(key + "/" + strconv.Itoa(attempt)))
	share := float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
	return time.Duration(interval/2 + interval/2*share)
}

// Repeat says what is known of an action when it is to be called again.
type Repeat struct {
	// Safe: a second call does no harm, for it reads, or its key is honoured.
	Safe bool
	// KeyLifetime is how long a key is honoured; zero means for ever.
	KeyLifetime time.Duration
}

// expired reports whether a key first sent at `first` may be forgotten at `at`.
func (r Repeat) expired(first, at time.Time) bool {
	return r.KeyLifetime > 0 && at.Sub(first) >= r.KeyLifetime
}
