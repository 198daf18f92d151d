package workflow

import (
	"encoding/json"
	"time"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/core/template"
)

// Definition is a parsed and checked workflow. It is immutable and safe for
// concurrent use.
type Definition struct {
	ID    string
	Name  string
	Steps []*Step
	// Raw is the definition as JSON, as it is kept for the runs pinned to it.
	Raw json.RawMessage
	// Hash identifies the definition by its content.
	Hash string

	roots      []string
	referenced map[string]bool // ids of steps whose result a template or condition reads
}

// Step is one step of a definition. Its ID is unique in the definition.
type Step struct {
	ID          string
	Integration string
	Action      string
	// Condition is nil where the step always runs.
	Condition *condition.Condition
	// Params renders to the action's params.
	Params *template.Template
	// Source is what Params was compiled from, for checks before anything runs.
	Source any
	Retry  RetryPolicy
}

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
