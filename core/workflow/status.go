package workflow

import "slices"

// RunStatus is where a run is in its life.
type RunStatus string

// The statuses of a run.
const (
	RunQueued       RunStatus = "queued"       // accepted, not picked up yet
	RunRunning      RunStatus = "running"      // a gateway works on it
	RunWaiting      RunStatus = "waiting"      // nothing to do before a timer, a signal, a child's end or a decision
	RunCompensating RunStatus = "compensating" // it is over and undoes what it did
	RunSucceeded    RunStatus = "succeeded"    // ended
	RunFailed       RunStatus = "failed"       // ended
	RunCancelled    RunStatus = "cancelled"    // ended
)

// RunStatuses are all statuses, in the order of a run's life.
var RunStatuses = [...]RunStatus{
	RunQueued, RunRunning, RunWaiting, RunCompensating, RunSucceeded, RunFailed, RunCancelled,
}

// Ended reports whether a run with this status goes no further by itself.
func (s RunStatus) Ended() bool {
	return s == RunSucceeded || s == RunFailed || s == RunCancelled
}

// runTransitions is the life of a run: what each status can become. Users see it
// drawn in docs/workflows.md.
var runTransitions = map[RunStatus][]RunStatus{
	RunQueued:       {RunRunning},
	RunRunning:      {RunQueued, RunWaiting, RunCompensating, RunSucceeded, RunFailed, RunCancelled},
	RunWaiting:      {RunRunning, RunQueued},
	RunCompensating: {RunQueued, RunFailed, RunCancelled},
	RunFailed:       {RunQueued},
}

// CanBecome reports whether a run with this status can be recorded with the
// next one. One write may take a run up and record what became of it, so that
// RunRunning between the two is never seen.
func (s RunStatus) CanBecome(next RunStatus) bool {
	after := runTransitions[s]
	return slices.Contains(after, next) ||
		slices.Contains(after, RunRunning) && slices.Contains(runTransitions[RunRunning], next)
}

// StepStatus is where a step of a run is in its life.
type StepStatus string

// The statuses of a step.
const (
	StepPending     StepStatus = "pending"     // its turn has not come
	StepRunning     StepStatus = "running"     // its action is being called, or steps in it are run
	StepWaiting     StepStatus = "waiting"     // for a retry, a time, a signal or a child's end
	StepSucceeded   StepStatus = "succeeded"   // ended
	StepFailed      StepStatus = "failed"      // ended
	StepSkipped     StepStatus = "skipped"     // ended: its condition was false
	StepCancelled   StepStatus = "cancelled"   // ended: the run went another way
	StepCompensated StepStatus = "compensated" // ended: succeeded, and undone since
)

// Ended reports whether a step with this status goes no further.
func (s StepStatus) Ended() bool {
	switch s {
	case StepPending, StepRunning, StepWaiting:
		return false
	default:
		return true
	}
}
