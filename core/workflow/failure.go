package workflow

import "github.com/backflow/backflow/sdk"

// Failure is why a step or a run failed.
type Failure struct {
	// Integration is the one that returned the error, empty where the engine
	// itself found the fault.
	Integration string `json:"integration,omitempty"`
	// Step is the path of the step that failed.
	Step string `json:"step,omitempty"`
	// Err is never nil.
	Err *sdk.Error `json:"error"`
}
