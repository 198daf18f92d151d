package workflow

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/backflow/backflow/core/value"
)

// Bounds of a retry policy: generous, and far from overflow.
const (
	maxAttemptsLimit = 1000
	maxIntervalLimit = 30 * 24 * time.Hour
	maxMultiplier    = 100
)

// retry reads a retry policy over the default one.
func (p *parser) retry(policy *RetryPolicy, v any, at string) {
	members, ok := v.(map[string]any)
	if !ok {
		p.fault(at, "", "retry must be an object, not %s", value.KindOf(v))
		return
	}
	p.checkKeys(members, at, []string{"maxAttempts", "initialInterval", "maxInterval", "multiplier", "nonRetryable"}, nil)
	if n, given := members["maxAttempts"]; given {
		number, _ := n.(json.Number)
		attempts, err := strconv.Atoi(number.String())
		if err != nil || attempts < 1 || attempts > maxAttemptsLimit {
			p.fault(at+"/maxAttempts", "", "maxAttempts must be an integer from 1 to %d", maxAttemptsLimit)
		} else {
			policy.MaxAttempts = attempts
		}
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
	if v, given := members["nonRetryable"]; given {
		p.nonRetryable(policy, v, at+"/nonRetryable")
	}
}

func (p *parser) interval(into *time.Duration, members map[string]any, at, key string) {
	v, given := members[key]
	if !given {
		return
	}
	s, _ := v.(string)
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > maxIntervalLimit {
		p.fault(at+"/"+key, `such as "500ms" or "1m"`, "%s must be a duration, more than 0 and at most %s", key, maxIntervalLimit)
		return
	}
	*into = d
}

func (p *parser) nonRetryable(policy *RetryPolicy, v any, at string) {
	list, ok := v.([]any)
	if !ok {
		p.fault(at, "", "nonRetryable must be a list of error codes, not %s", value.KindOf(v))
		return
	}
	for i, item := range list {
		code, ok := item.(string)
		if !ok || code == "" {
			p.fault(fmt.Sprintf("%s/%d", at, i), "", "an error code must be a string")
			continue
		}
		policy.NonRetryable = append(policy.NonRetryable, code)
	}
}
