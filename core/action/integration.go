package action

import (
	"context"
	"encoding/json"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Integration is a set of actions under one name, wherever they live. All
// methods are safe for concurrent use.
type Integration interface {
	// Name is what config and paths call the integration. It is known before
	// the integration is ready.
	Name() string
	// Manifest is what the integration publishes, nil until it was ready for
	// the first time. It must not be changed.
	Manifest() *sdk.Manifest
	// Status says whether calls can be expected to work now.
	Status() Status
	// Execute runs one action once. Its errors are *sdk.Error. When ctx ends
	// first, the error says what is known of the outcome.
	Execute(ctx context.Context, call Call) (sdk.Result, error)
}

// State is where an integration is in its life.
type State string

// The states of an integration.
const (
	StateStarting     State = "starting"     // not ready yet, no fault known
	StateReady        State = "ready"        // calls are expected to work
	StateUnconfigured State = "unconfigured" // the config gives it no credentials and it needs them
	StateFailed       State = "failed"       // it does not work, for the reason given; it may be tried again
)

// Status is an integration's state with the reason, for people.
type Status struct {
	State State `json:"state"`
	// Reason is empty when ready.
	Reason string `json:"reason,omitempty"`
	// Since is when it came into this state; zero where that is not known.
	Since time.Time `json:"since,omitzero"`
	// Restarts is how often it was started again after it had failed.
	Restarts int `json:"restarts,omitempty"`
	// RetryAt is when it is started again, in a state of failure; zero else.
	RetryAt time.Time `json:"retryAt,omitzero"`
	// Rejected is why a new version that was put in its place is not in force,
	// while the one before goes on; empty if none exists.
	Rejected string `json:"rejected,omitempty"`
}

// MarshalJSON writes times as value.Time does.
func (s Status) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		State    State      `json:"state"`
		Reason   string     `json:"reason,omitempty"`
		Since    value.Time `json:"since,omitzero"`
		Restarts int        `json:"restarts,omitempty"`
		RetryAt  value.Time `json:"retryAt,omitzero"`
		Rejected string     `json:"rejected,omitempty"`
	}{s.State, s.Reason, value.Time{Time: s.Since}, s.Restarts, value.Time{Time: s.RetryAt}, s.Rejected})
}
