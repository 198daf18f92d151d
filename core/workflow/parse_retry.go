package workflow

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/backflow/backflow/sdk/value"
)

// Bounds of a retry policy: generous.
const (
	maxAttempts   = 1000
	maxMultiplier = 100
	maxDelays     = 100
)

// intervalKeys are the keys in whose place "delays" stands.
var intervalKeys = []string{"maxAttempts", "initialInterval", "maxInterval", "multiplier"}

// retry reads a retry policy over the default one.
func (p *parser) retry(policy *RetryPolicy, v any, at string) {
	members, ok := v.(map[string]any)
	if !ok {
		p.fault(at, "", "retry must be an object, not %s", value.KindOf(v))
		return
	}
	p.checkKeys(members, at, append([]string{"delays", "nonRetryable"}, intervalKeys...))
	policy.NonRetryable = p.texts(members, at, "nonRetryable")
	if delays, given := members["delays"]; given {
		p.delays(policy, members, delays, at)
		return
	}
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
}

// delays reads a policy that says how long to wait after each attempt.
func (p *parser) delays(policy *RetryPolicy, members map[string]any, v any, at string) {
	for _, key := range intervalKeys {
		if _, given := members[key]; given {
			p.fault(at+"/"+key, "leave it out, or write it in the place of delays", "delays says how often the step is called, and when: there is no %s beside it", key)
		}
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 || len(list) > maxDelays {
		p.fault(at+"/delays", `such as ["5s", "5m", "1h"]`, "delays must be a list of 1 to %d durations", maxDelays)
		return
	}
	delays := make([]time.Duration, len(list))
	for i, item := range list {
		key := fmt.Sprintf("delays/%d", i)
		delays[i] = p.duration(map[string]any{key: item}, at, key)
	}
	policy.Delays, policy.MaxAttempts = delays, len(delays)+1
}

func (p *parser) interval(into *time.Duration, members map[string]any, at, key string) {
	if d := p.duration(members, at, key); d > 0 {
		*into = d
	}
}
