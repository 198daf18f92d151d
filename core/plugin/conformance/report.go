package conformance

import "time"

// Status is what became of a check.
type Status string

// What becomes of a check.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Report is what the suite found out about one plugin.
type Report struct {
	// Plugin and Version are what the plugin calls itself, empty where it could
	// not be asked.
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
	// WithCredentials: as the config that was given says.
	WithCredentials Mode = "credentials"
	// InSandbox: the plugin stands in for its vendor.
	InSandbox Mode = "sandbox"
	// WithoutCredentials: the plugin takes none.
	WithoutCredentials Mode = "none"
	// NotAtAll: the plugin takes credentials, and none were given.
	NotAtAll Mode = "unconfigured"
)

// Check is one promise and whether it is kept.
type Check struct {
	// Name identifies the check for good, such as "bad-params".
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

// Count answers how many checks came to a status.
func (r *Report) Count(status Status) int {
	n := 0
	for _, check := range r.Checks {
		if check.Status == status {
			n++
		}
	}
	return n
}

// Took is how long all checks took.
func (r *Report) Took() time.Duration {
	var sum time.Duration
	for _, check := range r.Checks {
		sum += check.Took
	}
	return sum
}
