package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
)

// maxDetail is the most bytes that are kept of why an item was not done.
const maxDetail = 300

// effect is what is recorded of an item in the write that does it.
type effect struct {
	RerunAs string `json:"rerunAs,omitempty"`
}

// do does one item, as its caller. It returns again where that is not possible at
// present, and an error of the gateway or the store: the item is to be tried again.
func (m *Manager) do(ctx context.Context, rec *record, index int, item storedItem) (_ storedItem, again bool, err error) {
	once := engine.Once{Bucket: layout.BucketBulkItem, Key: itemID(rec.ID, index), TTL: Retention}
	// An earlier try, perhaps of another process, may have done it.
	if found, err := m.effect(ctx, once); err != nil {
		return item, false, err
	} else if found != nil {
		return done(item, *found), false, nil
	}
	if permission := rec.permission(); !m.may(rec.CallerID, permission...) {
		return refused(item, sdk.CodeForbidden, "the caller %s does not have the scope %s now", rec.Caller, strings.Join(permission, ":")), false, nil
	}
	if rec.Action == ActionReplay {
		return m.replay(ctx, rec, item, once)
	}
	run, err := m.runs.Get(ctx, item.Run)
	switch {
	case err != nil:
		return m.notDone(item, err)
	case rec.Action == ActionRerun && !m.may(rec.CallerID, "workflows", run.Workflow, "run"):
		return refused(item, sdk.CodeForbidden, "the caller %s does not have the scope workflows:%s:run now", rec.Caller, run.Workflow), false, nil
	case run.OutcomeUnknown != "" && !rec.Unknown && rec.Filter.Error != sdk.CodeOutcomeUnknown && isDoubtful(&run):
		return skipped(item, sdk.CodeOutcomeUnknown, "it is not known whether step %s took effect", run.OutcomeUnknown), false, nil
	}
	made, err := m.act(ctx, rec, item.Run, once)
	if err == nil {
		return done(item, made), false, nil
	}
	return m.notDone(item, err)
}

// isDoubtful reports whether a run is left to a person, if an outcome of it is not
// known: one that is under way finds it out by itself.
func isDoubtful(run *engine.Run) bool {
	return run.Status.Ended() || run.Waiting.For == workflow.WaitingForDecision
}

// act does what is to be done to a run.
func (m *Manager) act(ctx context.Context, rec *record, runID string, once engine.Once) (made effect, err error) {
	by := engine.Initiator{Token: rec.Caller}
	if rec.Action == ActionRerun {
		made.RerunAs = engine.NewRunID()
	}
	once.Value = encode(made)
	switch rec.Action {
	case ActionRetry:
		_, err = m.runs.Retry(ctx, engine.RetryRequest{ID: runID, By: by, Once: once})
	case ActionRerun:
		_, err = m.runs.Rerun(ctx, engine.RerunRequest{ID: runID, NewID: made.RerunAs, RequestID: rec.RequestID, By: by, Once: once})
	case ActionCancel:
		_, err = m.runs.Cancel(ctx, runID, once)
	default:
		err = fmt.Errorf("bulk: unknown action %q", rec.Action)
	}
	return made, err
}

// notDone says what an error of the engine means for an item.
func (m *Manager) notDone(item storedItem, err error) (_ storedItem, again bool, _ error) {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		switch {
		case e.Code == sdk.CodeConflict || e.Code == sdk.CodeOutcomeUnknown:
			return skipped(item, e.Code, "%s", e.Message), false, nil
		case e.Code == sdk.CodeUnavailable: // an integration is not ready
			return item, true, nil
		default:
			return refused(item, e.Code, "%s", e.Message), false, nil
		}
	}
	switch {
	case errors.Is(err, event.ErrNotFound):
		return skipped(item, sdk.CodeNotFound, "the event is not kept any more"), false, nil
	case errors.Is(err, engine.ErrNotFound):
		return skipped(item, sdk.CodeNotFound, "the run is not kept any more"), false, nil
	case errors.Is(err, engine.ErrEnded):
		return skipped(item, sdk.CodeConflict, "%s", strings.TrimPrefix(err.Error(), "engine: ")), false, nil
	case errors.Is(err, engine.ErrUnknownWorkflow):
		return refused(item, sdk.CodeNotFound, "the config has no such workflow now"), false, nil
	case errors.Is(err, engine.ErrBadInput), errors.Is(err, engine.ErrTooLarge):
		return refused(item, sdk.CodeInvalidParams, "%s", strings.TrimPrefix(err.Error(), "engine: ")), false, nil
	case errors.Is(err, engine.ErrFull):
		return refused(item, engine.CodeLimitReached, "as many runs of the workflow as may be are under way, and it drops further ones"), false, nil
	case errors.Is(err, engine.ErrBusy), errors.Is(err, engine.ErrOverloaded), errors.Is(err, engine.ErrDuplicate):
		return item, true, nil
	case errors.Is(err, engine.ErrUnavailable), errors.Is(err, engine.ErrFenced), errors.Is(err, engine.ErrStopped), errors.Is(err, engine.ErrClosed), m.stopping.Err() != nil:
		return item, false, err
	default:
		m.log.Error("an item of a bulk failed", "run", item.Run, "event", item.Event, "error", err)
		return refused(item, sdk.CodeInternal, "an internal error, which the log tells of"), false, nil
	}
}

// effect returns what is recorded of an item that took effect, nil if it did not.
func (m *Manager) effect(ctx context.Context, once engine.Once) (*effect, error) {
	found, err := m.store.Get(ctx, state.Ref{Bucket: once.Bucket, ID: once.Key})
	if err != nil || found[0] == nil {
		return nil, err
	}
	made := &effect{}
	if err := json.Unmarshal(found[0], made); err != nil {
		return nil, fmt.Errorf("bulk: item %s: %w", once.Key, err)
	}
	return made, nil
}

func done(item storedItem, made effect) storedItem {
	item.Result, item.RerunAs = ResultDone, made.RerunAs
	return item
}

func skipped(item storedItem, code sdk.Code, format string, args ...any) storedItem {
	item.Result, item.Code, item.Detail = ResultSkipped, code, excerpt.Bytes(fmt.Sprintf(format, args...), maxDetail)
	return item
}

func refused(item storedItem, code sdk.Code, format string, args ...any) storedItem {
	item.Result, item.Code, item.Detail = ResultFailed, code, excerpt.Bytes(fmt.Sprintf(format, args...), maxDetail)
	return item
}
