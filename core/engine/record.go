package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/core/workflow"
)

// The versions of the record's format, and of the run's entries in the index. In
// version 1 a run was a member of "runs" as well, of "failed" and "cancelled" by its id
// alone, and of "ended/KIND" however soon it had ended. A record is upgraded by the
// next write that changes it: see runRecord.updateOps. A run with an order or a lane
// has version 3, which programs that know neither refuse.
const (
	recordVersion       = 2
	placedRecordVersion = 3
)

// fastSuccessWithin is how long a run may take to succeed fast. When such a run
// ended is known closely enough from its id, which holds the time of its start: it
// needs no entry in the order of ends.
const fastSuccessWithin = time.Hour

// runRecord is what lists and claims need of a run without its journal.
type runRecord struct {
	Version    int                `json:"v"`
	ID         string             `json:"id"`
	Workflow   string             `json:"workflow"`
	Definition string             `json:"definition"` // hash
	Status     workflow.RunStatus `json:"status"`
	// Lease is that of the process which works on the run; empty where none does.
	Lease string `json:"lease,omitempty"`
	// Throttled: the run is queued, but others with its concurrency key have to end
	// before it can go on.
	Throttled bool `json:"held,omitempty"`
	// ConcurrencyKey counts the run against a limit; empty where none exists.
	ConcurrencyKey string `json:"group,omitempty"`
	// Order is the group whose runs go one at a time, empty where none does; Turn says
	// whether it is the run's. BlockFor is how long others wait for it once it has begun.
	Order    string        `json:"order,omitempty"`
	Turn     turn          `json:"turn,omitempty"`
	BlockFor time.Duration `json:"blockFor,omitempty"`
	// Parking: others have waited long enough, and the run was stopped for it.
	Parking bool `json:"parking,omitempty"`
	// Lane is the group that bounds how many runs are worked on; empty where none does.
	Lane string `json:"lane,omitempty"`
	// Due: the run has left its wait since its timer was due by the store's clock, and
	// that timer is still to be handled.
	Due bool `json:"due,omitempty"`
	// Recoveries counts how often in a row the run was claimed after its process
	// had ended, without any progress since.
	Recoveries int `json:"pickups,omitempty"`
	// Revision counts how often the run was claimed, or its inbox was read by a
	// process that did not claim it. So no two records of a run are the same bytes,
	// and a commit that requires one knows that the journal is as it was with it.
	Revision int     `json:"turns,omitempty"`
	Parent   *parent `json:"parent,omitempty"`
	// MiB is the size of the run's values in whole MiB, for those that read them.
	MiB        int               `json:"mib,omitempty"`
	CreatedAt  time.Time         `json:"createdAt"`
	StartedAt  time.Time         `json:"startedAt,omitzero"`
	FinishedAt time.Time         `json:"finishedAt,omitzero"`
	Error      *workflow.Failure `json:"error,omitempty"`
	// Waiting is what the run waits for, and which of its steps is tried again.
	Waiting   workflow.Waiting `json:"waiting,omitzero"`
	RequestID string           `json:"requestId,omitempty"`
	// StartedBy is zero for a child run, and in what older versions wrote;
	// RetriedBy also where the run was not retried.
	StartedBy Initiator `json:"startedBy,omitzero"`
	RetriedBy Initiator `json:"retriedBy,omitzero"`
	// RerunOf is the run whose place it took, RerunAs the one that took its place.
	RerunOf string `json:"rerunOf,omitempty"`
	RerunAs string `json:"rerunAs,omitempty"`
}

// parent is the run that started a run and waits for its end.
type parent struct {
	ID string `json:"id"`
	// Depth is how many runs are above.
	Depth int `json:"depth"`
}

// sameAs reports whether the record says what the next one does, as far as a turn may
// change that: then it need not be written again.
func (r *runRecord) sameAs(next *runRecord) bool {
	return r.Status == next.Status && r.Lease == next.Lease && r.Recoveries == next.Recoveries && r.Revision == next.Revision &&
		r.MiB == next.MiB && r.Waiting.Equal(next.Waiting) && r.Turn == next.Turn && r.Parking == next.Parking
}

// decodeRecord reads the record of a run. Its errors are *CorruptError.
func decodeRecord(id string, data []byte) (*runRecord, error) {
	rec := &runRecord{}
	err := json.Unmarshal(data, rec)
	switch {
	case err != nil:
	case rec.Version < 1 || rec.Version > placedRecordVersion:
		err = fmt.Errorf("it has format %d, this program reads 1 to %d", rec.Version, placedRecordVersion)
	case rec.ID != id:
		err = fmt.Errorf("it is that of the run %q", rec.ID)
	case rec.Workflow == "" || !slices.Contains(workflow.RunStatuses[:], rec.Status):
		err = fmt.Errorf("it has the workflow %q and the status %q", rec.Workflow, rec.Status)
	default:
		return rec, nil
	}
	return nil, &CorruptError{Run: id, Part: "its record", Err: err}
}

// startedBy is what started the run, also where that is its parent.
func (r *runRecord) startedBy() Initiator {
	if r.Parent != nil {
		return Initiator{Parent: r.Parent.ID}
	}
	return r.StartedBy
}

// isFastSuccess reports whether the run has succeeded soon after its start.
func (r *runRecord) isFastSuccess() bool {
	return r.Status == workflow.RunSucceeded && r.FinishedAt.Sub(r.CreatedAt) <= fastSuccessWithin
}

// view is the record as it is shown.
func (r *runRecord) view() Run {
	return Run{
		ID: r.ID, Workflow: r.Workflow, Status: r.Status, Error: r.Error, Waiting: r.waiting(r.Waiting),
		CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
		StartedBy: r.startedBy(), RetriedBy: r.RetriedBy, RerunOf: r.RerunOf, RerunAs: r.RerunAs,
	}
}
