package workflow

// RunStatus is where a run is in its life.
type RunStatus string

// The statuses of a run.
const (
	RunQueued    RunStatus = "queued"    // accepted, not picked up yet
	RunRunning   RunStatus = "running"   // a gateway works on it
	RunWaiting   RunStatus = "waiting"   // nothing to do before a timer
	RunSucceeded RunStatus = "succeeded" // ended
	RunFailed    RunStatus = "failed"    // ended
)

// RunStatuses are all statuses, in the order of a run's life.
var RunStatuses = [...]RunStatus{RunQueued, RunRunning, RunWaiting, RunSucceeded, RunFailed}

// Ended reports whether a run with this status goes no further.
func (s RunStatus) Ended() bool { return s == RunSucceeded || s == RunFailed }

// StepStatus is where a step of a run is in its life.
type StepStatus string

// The statuses of a step.
const (
	StepPending   StepStatus = "pending"   // its turn has not come
	StepRunning   StepStatus = "running"   // its action is being called
	StepWaiting   StepStatus = "waiting"   // between two attempts
	StepSucceeded StepStatus = "succeeded" // ended
	StepFailed    StepStatus = "failed"    // ended
	StepSkipped   StepStatus = "skipped"   // ended: its condition was false
)

// Ended reports whether a step with this status goes no further.
func (s StepStatus) Ended() bool {
	return s == StepSucceeded || s == StepFailed || s == StepSkipped
}
