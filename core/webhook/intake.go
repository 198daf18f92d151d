package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// sweepEvery is after how many accepted events the old ones are swept. A sweep
// removes more than that, so the lists stay within what is kept.
const sweepEvery = 64

// Starter makes runs, as engine.Engine does.
type Starter interface {
	Start(ctx context.Context, request engine.StartRequest) (engine.Run, error)
}

// Events are the lists of received events, as event.Log.
type Events interface {
	// Sweep removes a bounded number of events that are not remembered any more.
	Sweep(ctx context.Context, now time.Time) error
	// AddFiltered records an event without a run.
	AddFiltered(ctx context.Context, e event.Event, content []byte, roots map[string]value.Doc) error
}

// IntakeOptions of an Intake. All fields before Now are required.
type IntakeOptions struct {
	// Webhook is the webhook's name, without a slash, Provider that of its provider.
	Webhook, Provider string
	// Starter makes the runs of event.WorkflowID(Webhook).
	Starter Starter
	// Events are the lists of what was taken in.
	Events Events

	// Filter decides which events run; nil is all. One for which it cannot say so runs,
	// and its run fails with the reason: see workflow.Actions.
	Filter *Filter
	// Redelivered has the run of an event that was delivered again go on, if it failed, and
	// reports whether it does; record is that of the event. Nil does nothing.
	Redelivered func(ctx context.Context, record []byte) (resumed bool, err error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// NewRunID makes ids of runs; nil is engine.NewRunID.
	NewRunID func() string
	// Logger gets a line for each event; nil discards them.
	Logger *slog.Logger
}

// Intake takes in the events of one webhook that are known to be genuine, however they
// came: the event and the run of its actions are stored in one write, once for each
// id. It is safe for concurrent use.
type Intake struct {
	opt IntakeOptions

	accepted atomic.Int64 // events, for the sweep
}

// NewIntake makes an intake.
func NewIntake(opt IntakeOptions) (*Intake, error) {
	switch {
	case opt.Webhook == "" || strings.Contains(opt.Webhook, "/"):
		return nil, fmt.Errorf("webhook %q: the name must be given and hold no slash", opt.Webhook)
	case opt.Provider == "":
		return nil, fmt.Errorf("webhook %q: no provider", opt.Webhook)
	case opt.Events == nil || opt.Starter == nil:
		return nil, fmt.Errorf("webhook %q: no lists of events, or nothing that starts runs", opt.Webhook)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.NewRunID == nil {
		opt.NewRunID = engine.NewRunID
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Logger = opt.Logger.With("webhook", opt.Webhook, "provider", opt.Provider)
	return &Intake{opt: opt}, nil
}

// Webhook is the webhook's name.
func (in *Intake) Webhook() string { return in.opt.Webhook }

// Arrival is a genuine event that is to be taken in.
type Arrival struct {
	// Event has ID, Type, Size, Livemode, Flags and Source; the intake sets the rest.
	Event event.Event
	// Payload is JSON. It is kept and must not change any more.
	Payload []byte
	// Headers and Query are those of the request, nil where none was made.
	Headers http.Header
	Query   url.Values
	// Content is what says that two events are the same although their ids differ: the
	// signed bytes where the id is not among them. Nil: the id alone says it.
	Content []byte
}

// Receipt says what became of an event that is stored.
type Receipt struct {
	// ID is the sender's id of the event. For a duplicate by its content it is that of
	// the first.
	ID string
	// Duplicate: the event had been received before; nothing was started. Resumed: its
	// run had failed, and goes on.
	Duplicate, Resumed bool
	// RunID is the run of the event's actions, also for a duplicate; empty
	// where it could not be read.
	RunID string
	// Filtered: the webhook's filter did not let it through, and it has no run.
	Filtered bool
	// Reply is what the sender expects as response; nil is the gateway's own.
	Reply *provider.Reply
}

// Take stores an event together with the run of its actions, unless it is known. When
// it returns a receipt, both are on stable storage.
//
// Errors: *Refusal for an event that cannot be kept; those that match ErrUnavailable,
// after which the event may or may not have been stored, so that a repeat is a
// duplicate or the first; any other is a fault of the gateway.
func (in *Intake) Take(ctx context.Context, a Arrival) (Receipt, error) {
	e := a.Event
	if err := checkWord("id", e.ID, false); err != nil {
		return Receipt{}, err
	}
	if err := checkWord("type", e.Type, true); err != nil {
		return Receipt{}, err
	}
	// What is stored is only ever rendered from. So a payload that templates could
	// not read is refused here, where the sender's operators see it.
	payload, err := value.ParseDoc(a.Payload)
	if err != nil {
		return Receipt{}, notJSON(err)
	}
	e.Provider = in.opt.Provider
	e.Webhook, e.RunID = in.opt.Webhook, in.opt.NewRunID()
	e.ReceivedAt = in.opt.Now().UTC().Truncate(time.Millisecond)
	e.Flags = keptFlags(e.Flags)
	receipt, err := in.store(ctx, e, roots(e, payload, a.Headers, a.Query), a.Content)
	switch {
	case err != nil:
		return Receipt{}, err
	case receipt.Resumed:
		in.log(ctx, slog.LevelInfo, "webhook event received again: its run had failed, and goes on", "event", receipt.ID, "run", receipt.RunID)
		return receipt, nil
	case receipt.Duplicate:
		in.log(ctx, slog.LevelDebug, "webhook event received again", "event", receipt.ID)
		return receipt, nil
	case receipt.Filtered:
		in.log(ctx, slog.LevelDebug, "webhook event filtered", "event", receipt.ID, "type", e.Type)
	default:
		in.log(ctx, slog.LevelDebug, "webhook event received", "event", receipt.ID, "run", receipt.RunID)
	}
	if len(e.Flags) > 0 && !receipt.Filtered {
		in.log(ctx, slog.LevelWarn, "a genuine webhook event is odd: it is kept, and its actions run", "event", e.ID, "type", e.Type, "run", e.RunID, "flags", e.Flags)
	}
	if in.accepted.Add(1)%sweepEvery == 1 {
		if err := in.opt.Events.Sweep(ctx, in.opt.Now()); err != nil { // a later event tries again
			in.log(ctx, slog.LevelWarn, "old webhook events could not be removed", "error", err.Error())
		}
	}
	return receipt, nil
}

// store makes event and run in one write, or the event alone where the filter does not
// let it through.
func (in *Intake) store(ctx context.Context, e event.Event, roots map[string]value.Doc, content []byte) (Receipt, error) {
	passes, undecided := in.opt.Filter.passes(e.Type, roots)
	if !passes && undecided == nil {
		return in.receipt(ctx, e, Receipt{ID: e.ID, Filtered: true}, in.opt.Events.AddFiltered(ctx, e, content, roots))
	}
	_, err := in.opt.Starter.Start(ctx, engine.StartRequest{
		ID:        e.RunID,
		Workflow:  event.WorkflowID(e.Webhook),
		Roots:     roots,
		RequestID: telemetry.RequestID(ctx),
		StartedBy: engine.Initiator{Webhook: e.Webhook, Event: e.ID},
		Once:      e.Once(content),
	})
	return in.receipt(ctx, e, Receipt{ID: e.ID, RunID: e.RunID}, err)
}

// receipt returns what became of an event whose write had an error; nil is that it is
// stored. Only its sender can deliver an event again.
func (in *Intake) receipt(ctx context.Context, e event.Event, stored Receipt, err error) (Receipt, error) {
	if err == nil {
		return stored, nil
	}
	if duplicate, ok := errors.AsType[*engine.DuplicateError](err); ok {
		if duplicate.Value == nil { // it expired since, or could not be fetched
			return Receipt{ID: stored.ID, Duplicate: true}, nil
		}
		first, err := event.Decode(duplicate.Value)
		if err != nil {
			// Whether the event was received cannot be told: the sender is to repeat it.
			return Receipt{}, fmt.Errorf("webhook: event %s: %w", stored.ID, err)
		}
		again := Receipt{ID: first.ID, Duplicate: true, RunID: first.RunID}
		if in.opt.Redelivered == nil || e.Source != "" {
			return again, nil
		}
		if again.Resumed, err = in.opt.Redelivered(ctx, duplicate.Value); err == nil {
			return again, nil
		}
		return Receipt{}, refusalOf(err)
	}
	return Receipt{}, refusalOf(err)
}

// refusalOf returns the error of an event that is not stored, or whose run does not go
// on, for the time being or at all.
func refusalOf(err error) error {
	if errors.Is(err, engine.ErrTooLarge) {
		return largerThanARun()
	}
	for _, passing := range []error{
		engine.ErrUnavailable, engine.ErrClosed, engine.ErrStopped, engine.ErrOverloaded, context.Canceled, context.DeadlineExceeded,
		engine.ErrFenced, // the process that follows this one will receive the event
	} {
		if errors.Is(err, passing) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	if refused, ok := errors.AsType[*sdk.Error](err); ok && refused.Code == sdk.CodeUnavailable { // an integration is not ready
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("webhook: store event: %w", err)
}

func (in *Intake) log(ctx context.Context, level slog.Level, message string, args ...any) {
	in.opt.Logger.Log(ctx, level, message, args...)
}
