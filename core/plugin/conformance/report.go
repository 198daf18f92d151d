package conformance

import "time"

// Status is the result of a check.
type Status string

// The results of a check.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Report is the result of the suite for one plugin.
type Report struct {
	// Plugin and Version are from the plugin's manifest, empty if it could not be
	// read.
	Plugin  string `json:"plugin,omitempty"`
	Version string `json:"version,omitempty"`
	// Path is the plugin's file.
	Path string `json:"path"`
	// Ran is how its actions were called.
	Ran Mode `json:"ran"`
	// Checks are all checks, always the same in the same order.
	Checks []Check `json:"checks"`
}

// Mode is how the actions of a plugin are called.
type Mode string

// The ways in which actions are called.
const (
	// WithCredentials uses the credentials that were given.
	WithCredentials Mode = "credentials"
	// InSandbox has the plugin stand in for its vendor.
	InSandbox Mode = "sandbox"
	// WithoutCredentials is for a plugin that takes none.
	WithoutCredentials Mode = "none"
	// NotAtAll is for a plugin that takes credentials when none were given.
	NotAtAll Mode = "unconfigured"
)

// Check is one promise and whether it is kept.
type Check struct {
	// Name identifies the check, such as "bad-params". It never changes.
	Name string `json:"name"`
	// Promise says in a sentence what is checked.
	Promise string `json:"promise"`
	Status  Status `json:"status"`
	// Faults say what is wrong, if it failed.
	Faults []string `json:"faults,omitempty"`
	// Reason says why it was skipped.
	Reason string `json:"reason,omitempty"`
	// Notes say what was done and what was left out.
	Notes []string `json:"notes,omitempty"`
	// Took is in nanoseconds.
	Took time.Duration `json:"took"`
}

// Count returns how many checks have a status.
func (r *Report) Count(status Status) int {
	n := 0
	for _, check := range r.Checks {
		if check.Status == status {
			n++
		}
	}
	return n
}

// Took returns how long all checks took together.
func (r *Report) Took() time.Duration {
	var sum time.Duration
	for _, check := range r.Checks {
		sum += check.Took
	}
	return sum
}
