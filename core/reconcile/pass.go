package reconcile

import (
	"slices"
	"time"

	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
)

// Status is where a pass is.
type Status string

// The statuses of a pass.
const (
	StatusQueued    Status = "queued"
	StatusRunning   Status = "running"
	StatusSucceeded Status = "succeeded" // it has compared all of its time
	StatusFailed    Status = "failed"    // it could not finish; Error says why
)

// Ended reports whether nothing comes after the status.
func (s Status) Ended() bool { return s == StatusSucceeded || s == StatusFailed }

// maxNamed is how many events a pass names of each kind; the counts are exact.
const maxNamed = 100

// Pass is one comparison of the vendor's list with what is stored.
type Pass struct {
	ID      string `json:"id"`
	Webhook string `json:"webhook"`
	Status  Status `json:"status"`
	// Requested: a caller asked for the pass, whose name is By. Otherwise it was due.
	Requested bool   `json:"requested,omitempty"`
	By        string `json:"by,omitempty"`
	DryRun    bool   `json:"dryRun,omitempty"`
	// Since and Until bound the time that is compared, by the vendor's clock: the first
	// is included, the second is not.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Through is up to where the comparison is done.
	Through time.Time `json:"through"`
	Counts  Counts    `json:"counts"`
	// Gap is what lies between the watermark and Since, where that is not compared any
	// more: it is older than the lookback.
	Gap *Gap `json:"gap,omitempty"`
	// Error is why the pass has failed, or is going to at its end: part of the list
	// cannot be read.
	Error *sdk.Error `json:"error,omitempty"`
	// Events are the first of the missing events, UnknownEvents of the unknown ones.
	Events        []Found `json:"events,omitempty"`
	UnknownEvents []Found `json:"unknownEvents,omitempty"`
	// Judged is up to where received events were compared with the list.
	Judged     time.Time `json:"judged,omitzero"`
	CreatedAt  time.Time `json:"createdAt"`
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
}

// Counts are what a pass has seen and done so far.
type Counts struct {
	// Listed are the events of the vendor's list, each once.
	Listed int `json:"listed"`
	// Missing are those that were not stored, Taken those of them that are stored now,
	// and Refused those that cannot be kept.
	Missing int `json:"missing"`
	Taken   int `json:"taken"`
	Refused int `json:"refused"`
	// Unknown are the received events that the list does not name.
	Unknown int `json:"unknown"`
	// Errors are the calls of the list that failed.
	Errors int `json:"errors"`
}

// Gap is a time that is not compared.
type Gap struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Found is an event that a pass names.
type Found struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	// At is when the vendor made a missing event, and when an unknown one was received.
	At time.Time `json:"at"`
	// Result is what became of a missing event: ResultTaken, ResultRefused, or empty in
	// a dry run. Reason is why it was refused.
	Result string `json:"result,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// What becomes of a missing event.
const (
	ResultTaken   = "taken"
	ResultRefused = "refused"
)

// ofItself reports whether nobody asked for the pass.
func (p *Pass) ofItself() bool { return !p.Requested }

// clone copies a pass that is changed.
func (p Pass) clone() Pass {
	p.Events, p.UnknownEvents = slices.Clone(p.Events), slices.Clone(p.UnknownEvents)
	return p
}

// name adds an event to those that a pass names, as far as there is room. An id or a type
// that is longer than one that can be kept is shortened.
func name(events []Found, e Found) []Found {
	if len(events) < maxNamed {
		e.ID, e.Type = excerpt.Bytes(e.ID, webhook.MaxIDLen), excerpt.Bytes(e.Type, webhook.MaxIDLen)
		events = append(events, e)
	}
	return events
}
