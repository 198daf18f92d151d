package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// CorruptError says that something that is stored of a run cannot be read: it was
// changed by other means, or a newer version wrote it. The run stands still, and
// no other is affected.
type CorruptError struct {
	// Run is the id of the run.
	Run string
	// Part is what cannot be read, such as "its record".
	Part string
	Err  error
}

// Error names the run and the part.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("engine: the run %s cannot be read: %s: %v", e.Run, e.Part, e.Err)
}

// Unwrap returns why the part cannot be read.
func (e *CorruptError) Unwrap() error { return e.Err }

// corruptPause is how long a run that cannot be read is left alone, and how often
// it is logged.
const corruptPause = 10 * time.Minute

// maxCorrupt bounds how many runs are remembered as such; with more, all are
// logged again.
const maxCorrupt = 10_000

// corruptRuns remembers the runs that could not be read, so that each is logged
// now and then only. It is safe for concurrent use.
type corruptRuns struct {
	mu     sync.Mutex           // guards logged
	logged map[string]time.Time // by id
}

// note remembers a run, and reports whether it is to be logged.
func (c *corruptRuns) note(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if last, known := c.logged[id]; known && now.Sub(last) < corruptPause {
		return false
	}
	if c.logged == nil || len(c.logged) >= maxCorrupt {
		c.logged = map[string]time.Time{}
	}
	c.logged[id] = now
	return true
}

// contains reports whether the run could not be read a short time ago.
func (c *corruptRuns) contains(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.logged[id]
	return known && time.Since(last) < corruptPause
}

// corrupt returns a *CorruptError for a part of a run, unless the store failed.
func corrupt(run, part string, err error) error {
	if errors.Is(err, state.ErrUnavailable) || errors.Is(err, state.ErrClosed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &CorruptError{Run: run, Part: part, Err: err}
}

// corruptView is a run whose record cannot be read, as lists show it: what its id
// and its entry in the index say.
func corruptView(m member, err error) Run {
	workflowID, status := m.says()
	run := Run{
		ID: m.id, Workflow: workflowID, Status: status,
		Error: &workflow.Failure{Err: &sdk.Error{Code: sdk.CodeInternal, Message: strings.TrimPrefix(err.Error(), "engine: ")}},
	}
	if id, err := uuid.Parse(m.id); err == nil && id.Version() == 7 {
		run.CreatedAt = time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC()
	}
	return run
}

// says returns what an entry of the index says of its run: its workflow and its
// status, each empty where the entry does not tell.
func (m member) says() (workflowID string, status workflow.RunStatus) {
	kind, name, _ := strings.Cut(m.set, "/")
	switch kind {
	case layout.SetRuns:
		return name, ""
	case layout.SetQueued, layout.SetBlocked:
		return name, workflow.RunQueued
	case layout.SetThrottled:
		return "", workflow.RunQueued
	case layout.SetRunning:
		return "", workflow.RunRunning
	case layout.SetWaiting:
		return "", workflow.RunWaiting
	case layout.SetFailed:
		return m.rest, workflow.RunFailed
	case layout.SetCancelled:
		return m.rest, workflow.RunCancelled
	}
	return "", ""
}
