package workflow

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/backflow/backflow/sdk/value"
)

// Bounds of a retry policy: generous.
const (
	maxAttempts   = 1000
	maxMultiplier = 100
)

// retry reads a retry policy over the default one.
func (p *parser) retry(policy *RetryPolicy, v any, at string) {
	members, ok := v.(map[string]any)
	if !ok {
		p.fault(at, "", "retry must be an object, not %s", value.KindOf(v))
		return
	}
	p.checkKeys(members, at, []string{"maxAttempts", "initialInterval", "maxInterval", "multiplier", "nonRetryable"})
	if n, given := members["maxAttempts"]; given {
		policy.MaxAttempts = p.count(n, at+"/maxAttempts", maxAttempts)
	}
	p.interval(&policy.InitialInterval, members, at, "initialInterval")
	_, maxGiven := members["maxInterval"]
	p.interval(&policy.MaxInterval, members, at, "maxInterval")
	if policy.InitialInterval > policy.MaxInterval {
		if maxGiven {
			p.fault(at+"/maxInterval", "", "maxInterval is less than initialInterval")
		} else {
			policy.MaxInterval = policy.InitialInterval
		}
	}
	if n, given := members["multiplier"]; given {
		number, _ := n.(json.Number)
		multiplier, err := strconv.ParseFloat(number.String(), 64)
		if err != nil || multiplier < 1 || multiplier > maxMultiplier {
			p.fault(at+"/multiplier", "", "multiplier must be a number from 1 to %d", maxMultiplier)
		} else {
			policy.Multiplier = multiplier
		}
	}
	policy.NonRetryable = p.texts(members, at, "nonRetryable")
}

func (p *parser) interval(into *time.Duration, members map[string]any, at, key string) {
	if d := p.duration(members, at, key); d > 0 {
		*into = d
	}
}
