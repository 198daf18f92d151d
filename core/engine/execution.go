package engine

import (
	"context"
	"sync"
	"time"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// execution is a run that this process works on. Its fields belong to the goroutine
// that works on it, one at a time, but for those that mu guards.
type execution struct {
	*executor
	storedRun
	activity *activity

	// placed: the run has a place in its lane.
	placed bool

	// drops: the run is new, and is not made where its group has no free place.
	drops bool

	// messages are those in the run's inbox that are known and not taken.
	messages []pendingMessage

	// unsettled: the last turn was full, and more follows from what is recorded. This
	// process keeps the run until all of it is recorded too.
	unsettled bool
	width     width  // of the next turn
	refusal   string // why the store did not take a turn, while width is bare

	started []string // paths of the calls that were started and have no result
	alarm   *time.Timer
	alarmAt time.Time // what the alarm is set to; zero while it is not
	// notBefore keeps timers from being looked at, where that was no use.
	notBefore time.Time

	counted presence // among the runs that this process works on; zero while it is not

	ctx    context.Context // of the calls: ends when their results are of no use
	cancel context.CancelCauseFunc

	mu       sync.Mutex // guards the fields below
	updates  updates
	working  bool // a goroutine works on the run
	finished bool // none does any more
	inFlight int  // how many calls are being made
}

// updates are what happened to a run since it was last advanced.
type updates struct {
	results []callResult
	due     bool // its alarm
	message bool
}

func (u *updates) empty() bool { return len(u.results) == 0 && !u.due && !u.message }

// callResult is the result of one call.
type callResult struct {
	call   workflow.Call
	result value.Doc
	// sensitive names the members of the result that are not to be shown.
	sensitive []string
	// reads: the call had no effect, though others of its action may have.
	reads bool
	err   *sdk.Error
}

// syncRecord updates the record from the machine.
func (r *execution) syncRecord(progress bool) {
	r.record.Status, r.record.Waiting = r.machine.Status(), r.machine.Waiting()
	switch {
	case r.unsettled && r.record.Status == workflow.RunWaiting:
		r.record.Status = workflow.RunRunning
	case !r.unsettled && r.machine.Idle():
		r.record.Lease = ""
	}
	if r.record.Lease != "" && r.record.Lane != "" && !r.placed { // it waits for a place to go on
		r.record.Status, r.record.Lease, r.record.Throttled = workflow.RunQueued, "", true
	}
	r.syncTurn()
	r.record.MiB = r.machine.Bytes() >> 20
	if progress {
		r.record.Recoveries = 0
	}
	if r.record.Status.Ended() {
		r.record.FinishedAt = r.machine.EndedAt()
		r.record.Error = r.machine.Failure()
	} else {
		r.record.FinishedAt, r.record.Error = time.Time{}, nil
	}
}

// announce tells the subscribers that the run has ended.
func (r *execution) announce() {
	r.active.markEnded(r.activity)
	r.subscribers.announce(r.record.ID, r.view)
}
