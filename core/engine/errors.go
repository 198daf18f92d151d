package engine

import (
	"errors"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/sdk"
)

// CodeLimitReached is the error of a step whose run the limit of its workflow
// drops: it was not started.
const CodeLimitReached sdk.Code = "limit_reached"

var (
	// ErrNotFound: there is no such run.
	ErrNotFound = errors.New("engine: no such run")
	// ErrNoResult: the run has no such step, or the step has no result.
	ErrNoResult = errors.New("engine: no such result")
	// ErrUnknownWorkflow: the running config has no such workflow.
	ErrUnknownWorkflow = errors.New("engine: no such workflow")
	// ErrStopped: the engine takes no new runs, it is stopping.
	ErrStopped = errors.New("engine: stopped")
	// ErrOverloaded: too many runs are being started at once; try again.
	ErrOverloaded = errors.New("engine: overloaded")
	// ErrBadInput: what a run was to be started with is not what its workflow needs.
	ErrBadInput = errors.New("engine: bad input")
	// ErrTooLarge: an input or a signal over MaxInput, or one that the state store
	// does not take.
	ErrTooLarge = errors.New("engine: too large")
	// ErrInboxFull: as many signals wait for the run as may, and no step waits for
	// this one.
	ErrInboxFull = errors.New("engine: too many signals wait for the run")
	// ErrFull: the limit of the workflow is reached and it drops further runs.
	ErrFull = errors.New("engine: the workflow's limit is reached")
	// ErrEnded: the run has ended.
	ErrEnded = errors.New("engine: the run has ended")
	// ErrBusy: another request is changing the run; try again.
	ErrBusy = errors.New("engine: busy")
	// ErrBadCursor: a cursor that no list returned.
	ErrBadCursor = errors.New("engine: bad cursor")
	// ErrDuplicate: a request with the same Once took effect before. The error is
	// a *DuplicateError.
	ErrDuplicate = errors.New("engine: a request with this key took effect before")
	// ErrStale: the timer of an Advance is not due, or its record, or one that is
	// required beside the run, is not as the caller read it. Nothing was changed.
	ErrStale = errors.New("engine: what it depends on was changed since it was read")
	// ErrFenced: this process's lease is gone, so it can write nothing any more.
	// Nothing was changed.
	ErrFenced = errors.New("engine: the lease of this process is gone")
	// ErrUnavailable is matched by errors after which it is not known whether a
	// request took effect, or a read had no result: the store cannot be reached.
	ErrUnavailable = state.ErrUnavailable
	// ErrClosed is the error of a store that is closed: the process is ending.
	ErrClosed = state.ErrClosed
)

// ignoreConflict returns nil for a conflict: another process was faster.
func ignoreConflict(err error) error {
	if errors.As(err, new(*state.ConflictError)) {
		return nil
	}
	return err
}
