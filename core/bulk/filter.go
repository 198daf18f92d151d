package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// scope says to which runs an action applies.
type scope struct {
	// statuses are all that a filter may name, usual those where it names none.
	statuses, usual []workflow.RunStatus
}

var scopes = map[Action]scope{
	ActionRetry: {
		statuses: []workflow.RunStatus{workflow.RunFailed, workflow.RunWaiting},
		usual:    []workflow.RunStatus{workflow.RunFailed},
	},
	ActionCancel: {
		statuses: []workflow.RunStatus{workflow.RunQueued, workflow.RunRunning, workflow.RunWaiting},
		usual:    []workflow.RunStatus{workflow.RunQueued, workflow.RunRunning, workflow.RunWaiting},
	},
	ActionRerun: {
		statuses: []workflow.RunStatus{workflow.RunSucceeded, workflow.RunFailed, workflow.RunCancelled},
		usual:    []workflow.RunStatus{workflow.RunFailed, workflow.RunCancelled},
	},
}

// check returns every fault of a request, with pointers into its JSON.
func (r *Request) check() []sdk.Fault {
	var faults []sdk.Fault
	fault := func(pointer, format string, args ...any) {
		faults = append(faults, sdk.Fault{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
	}
	if r.Action == ActionReplay {
		return r.checkReplay()
	}
	applies, known := scopes[r.Action]
	if !known {
		fault("/action", "there is no action %q; there are %s", r.Action, list(Actions))
	}
	f := &r.Filter
	if f.Workflow == "" && len(f.Status) == 0 && f.Since.IsZero() && f.Until.IsZero() && f.Error == "" && len(f.IDs) == 0 {
		fault("/filter", "name at least one of workflow, status, since, until, error and ids: an empty filter selects every run")
	}
	for i, status := range f.Status {
		if known && !slices.Contains(applies.statuses, status) {
			fault(fmt.Sprintf("/filter/status/%d", i), "%s does not apply to runs that are %s, only to %s", r.Action, status, list(applies.statuses))
		}
	}
	if !f.Until.IsZero() && !f.Since.Before(f.Until) {
		fault("/filter/until", "until is not after since")
	}
	if f.Webhook != "" || f.Type != "" || len(f.Events) > 0 || f.FromStart {
		fault("/filter", "webhook, type and fromStart are for %s alone", ActionReplay)
	}
	if len(f.IDs) > MaxIDs {
		fault("/filter/ids", "%d ids are more than the %d that a filter may have", len(f.IDs), MaxIDs)
	}
	return faults
}

func list[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// matches reports whether a run is one that a request selects.
func (r *Request) matches(run *engine.Run) bool {
	f := &r.Filter
	switch {
	case f.Workflow != "" && run.Workflow != f.Workflow,
		len(f.Status) > 0 && !slices.Contains(f.Status, run.Status),
		run.CreatedAt.Before(f.Since),
		!f.Until.IsZero() && !run.CreatedAt.Before(f.Until),
		f.Error != "" && codeOf(run) != f.Error && !r.namesDoubt(run):
		return false
	case len(f.IDs) > 0:
		return true // also where the action does not apply: the item then says so
	default:
		return r.Action != ActionRetry || run.Status == workflow.RunFailed || run.Waiting.For == workflow.WaitingForDecision
	}
}

// namesDoubt reports whether a request selects a run by its unknown outcome, whatever
// the code of its error is: that of a call which may be repeated keeps the integration's.
// A rerun is refused while an outcome is unknown.
func (r *Request) namesDoubt(run *engine.Run) bool {
	return r.Filter.Error == sdk.CodeOutcomeUnknown && r.Action != ActionRerun && isDoubtful(run) && isUnknown(failureOf(run))
}

// isUnknown reports whether an error says that a step may have taken effect.
func isUnknown(failure *workflow.Failure) bool {
	return failure != nil && (failure.Err.Code == sdk.CodeOutcomeUnknown || failure.Err.Outcome == sdk.OutcomeUnknown)
}

// codeOf is the code of the error that a run shows.
func codeOf(run *engine.Run) sdk.Code {
	if failure := failureOf(run); failure != nil {
		return failure.Err.Code
	}
	return ""
}

// failureOf is the error that a run shows, nil if it shows none.
func failureOf(run *engine.Run) *workflow.Failure {
	if run.Error != nil {
		return run.Error
	}
	return run.Waiting.Failure
}

// selection is what a filter selects: ids of runs in their order, the oldest first.
type selection struct {
	ids            []string // of runs, or uids of events
	outcomeUnknown int
	sample         []engine.Run
	events         []event.View // the sample of a replay
}

// find returns the runs that a request selects. It is an *sdk.Error if they are too
// many, or if one that is named does not exist.
func (m *Manager) find(ctx context.Context, r *Request) (*selection, error) {
	if r.Action == ActionReplay {
		return m.findEvents(ctx, r)
	}
	found := &selection{}
	seen := map[string]bool{}
	add := func(run *engine.Run) error {
		if seen[run.ID] || !r.matches(run) {
			return nil // it may have another status since the list of that was read
		}
		seen[run.ID] = true
		if len(seen) > MaxItems {
			return sdkFaults("the filter selects too many runs", sdk.Fault{Pointer: "/filter", Message: fmt.Sprintf("more than %d runs match: name a workflow, a time or an error", MaxItems)})
		}
		found.ids = append(found.ids, run.ID)
		if isDoubtful(run) && isUnknown(failureOf(run)) {
			found.outcomeUnknown++
		}
		found.sample = append(found.sample, *run)
		if len(found.sample) > 2*SampleSize {
			found.sample = newest(found.sample)
		}
		return nil
	}
	err := m.each(ctx, r, add)
	slices.Sort(found.ids) // ids order by time
	found.sample = newest(found.sample)
	return found, err
}

func newest(runs []engine.Run) []engine.Run {
	slices.SortFunc(runs, func(a, b engine.Run) int { return strings.Compare(b.ID, a.ID) })
	return runs[:min(len(runs), SampleSize)]
}

// each calls visit for every run that may match.
func (m *Manager) each(ctx context.Context, r *Request, visit func(*engine.Run) error) error {
	for i, id := range r.Filter.IDs {
		run, err := m.runs.Get(ctx, id)
		if errors.Is(err, engine.ErrNotFound) {
			return sdkFaults("the filter names a run that does not exist", sdk.Fault{Pointer: fmt.Sprintf("/filter/ids/%d", i), Message: "there is no run " + id})
		}
		if err != nil {
			return err
		}
		run.Steps, run.Input, run.Output = nil, nil, nil
		if err := visit(&run); err != nil {
			return err
		}
	}
	if len(r.Filter.IDs) > 0 {
		return nil
	}
	statuses := r.Filter.Status
	if len(statuses) == 0 {
		statuses = scopes[r.Action].usual
	}
	request := engine.ListRequest{Workflow: r.Filter.Workflow, Statuses: statuses, Since: r.Filter.Since, Limit: 200}
	for {
		page, err := m.runs.List(ctx, request)
		if err != nil {
			return err
		}
		for i := range page.Runs {
			if err := visit(&page.Runs[i]); err != nil {
				return err
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		request.Cursor = page.NextCursor
	}
}

func sdkFaults(message string, faults ...sdk.Fault) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeInvalidParams, Message: message, Outcome: sdk.OutcomeNotExecuted, Faults: faults}
}
