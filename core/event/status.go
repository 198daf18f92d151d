package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
)

// Status is what became of an event: it follows from its latest run.
type Status string

// The statuses of an event.
const (
	StatusReceived  Status = "received"  // its run has not ended
	StatusProcessed Status = "processed" // its run has succeeded
	StatusFailed    Status = "failed"    // its run has failed, or was cancelled
	StatusFiltered  Status = "filtered"  // it has no run: the webhook's filter did not let it through
)

// Statuses are all of them.
var Statuses = []Status{StatusReceived, StatusProcessed, StatusFailed, StatusFiltered}

// View is an event with what became of it.
type View struct {
	Event
	Status Status
	// Run is its latest run, as lists show it; only its id is set where the run is not
	// kept any more, and nothing of a filtered event.
	Run engine.Run
	// RunKept: the run is there to be looked at.
	RunKept bool
	// Error is why the event failed, nil unless it did; of a run that is not kept any
	// more it is an excerpt.
	Error *workflow.Failure
}

// view returns an event as its run, nil where it is not kept, and what remains of one
// that was removed say.
func view(e Event, run *engine.Run, left *remains) View {
	v := View{Event: e, Run: engine.Run{ID: e.RunID}}
	switch {
	case e.RunID == "":
		v.Status = StatusFiltered
	case run != nil:
		v.Run, v.RunKept, v.Error = *run, true, run.Error
		v.Status = StatusOf(run.Status)
	case left != nil && left.Run == e.RunID:
		v.Status, v.Error = StatusFailed, left.failure()
	default:
		v.Status = StatusProcessed
	}
	return v
}

// StatusOf is the status of an event whose run has one. A run that cannot be read, which
// has none, does not go on.
func StatusOf(run workflow.RunStatus) Status {
	switch {
	case run == workflow.RunSucceeded:
		return StatusProcessed
	case run.Ended() || run == "":
		return StatusFailed
	default:
		return StatusReceived
	}
}

// remains are what is left of a run that did not succeed and was removed, so that its
// event stays failed.
type remains struct {
	Version int      `json:"v"`
	Run     string   `json:"run"`
	Code    sdk.Code `json:"code,omitempty"`
	Message string   `json:"message,omitempty"`
	Step    string   `json:"step,omitempty"`
}

// remainsVersion is the version of stored remains, maxRemains the most bytes that they
// have of an error's message.
const (
	remainsVersion = 1
	maxRemains     = 300
)

func (r *remains) failure() *workflow.Failure {
	if r.Code == "" {
		return nil
	}
	return &workflow.Failure{Origin: workflow.Origin{Step: r.Step}, Err: &sdk.Error{Code: r.Code, Message: r.Message}}
}

// Removing returns what is written when a run is removed, for engine.Options: what
// remains of one of an event that did not succeed, for as long as the event is
// remembered. Now is the clock; nil is time.Now.
func Removing(now func() time.Time) func(engine.Run) []state.Op {
	if now == nil {
		now = time.Now
	}
	return func(run engine.Run) []state.Op {
		by := run.StartedBy
		left := TTL - now().Sub(run.CreatedAt)
		if by.Webhook == "" || run.Status == workflow.RunSucceeded || run.RerunAs != "" || left <= 0 {
			return nil
		}
		r := remains{Version: remainsVersion, Run: run.ID}
		if run.Error != nil {
			r.Code, r.Message, r.Step = run.Error.Err.Code, excerpt.Bytes(run.Error.Err.Message, maxRemains), run.Error.Step
		}
		data, _ := json.Marshal(r) // it has texts alone
		key := recordID(by.Webhook, by.Event)
		return []state.Op{state.Put(layout.BucketEventRemains, key, data, left), state.Add(layout.SetEventsFailed, run.ID+"/"+key)}
	}
}

func decodeRemains(data []byte) (*remains, error) {
	r := &remains{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("event: what remains of a run: %w", err)
	}
	if r.Version != remainsVersion {
		return nil, fmt.Errorf("event: what remains of a run has version %d, this program knows %d", r.Version, remainsVersion)
	}
	return r, nil
}

// ParseStatuses reads a list of statuses, separated by commas; the error names those
// that there are.
func ParseStatuses(text string) ([]Status, error) {
	var statuses []Status
	for name := range strings.SplitSeq(text, ",") {
		status := Status(name)
		if !slices.Contains(Statuses, status) {
			return nil, fmt.Errorf("status %q is unknown, known are: received, processed, failed, filtered", name)
		}
		statuses = append(statuses, status)
	}
	return statuses, nil
}
