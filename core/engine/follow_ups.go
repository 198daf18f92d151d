package engine

import "github.com/backflow/backflow/core/state"

// followUps are what a commit means to other runs: those that it starts and
// cancels, and the one that waits for its end.
type followUps struct {
	ops    []state.Op
	places places   // of the runs that it starts
	notify []string // runs that have a message now
	queued bool     // a run was put into the queue
}

// send sends a message to a run.
func (f *followUps) send(runID string, m message) {
	f.ops = append(f.ops, appendInbox(runID, m)...)
	f.notify = append(f.notify, runID)
}
