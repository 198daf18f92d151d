package destination

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/notice"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Deliveries is the name of the integration that the run of a message calls. No config
// and no path can name it, since it has a colon.
const Deliveries = "destination:"

// actionDeliver is its one action.
const actionDeliver = "deliver"

// schedule is how long to wait after each attempt (Standard Webhooks, "Deliverability
// and reliability").
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// WorkflowID is the id of the workflow of a destination's messages. No workflow of a
// config has a colon in its id.
func WorkflowID(name string) string { return "destination:" + name }

// workflowRoots are the roots of its templates. Without an input it is started by
// nothing but Service.
var workflowRoots = []string{"payload", "steps", "run"}

// Turns say how the messages to a destination take turns.
type Turns struct {
	// Ordered is the order that the config asks for, nil for none.
	Ordered     *workflow.Ordered
	Concurrency int
	Rate        workflow.Rate
}

// Workflow returns the workflow of a destination's messages.
func Workflow(name string, turns Turns) (*workflow.Definition, error) {
	delays := make([]string, len(schedule))
	for i, delay := range schedule {
		delays[i] = delay.String()
	}
	steps, err := json.Marshal([]any{map[string]any{
		"id": actionDeliver, "type": workflow.TypeIntegration, "integration": Deliveries, "action": actionDeliver,
		"params": map[string]any{"destination": name, "message": "{{payload.message}}", "run": "{{run.id}}"},
		"retry":  map[string]any{"delays": delays},
	}})
	if err != nil {
		return nil, fmt.Errorf("destination: %w", err)
	}
	d, err := workflow.ParseActions(WorkflowID(name), workflow.Actions{Steps: steps}, workflowRoots)
	if err != nil {
		return nil, err
	}
	d.Lane = &workflow.Lane{Concurrency: turns.Concurrency, Rate: turns.Rate, RateOfAttempts: true}
	if turns.Ordered != nil {
		// The key was rendered when the message was made, over what it was made of.
		key, err := template.Compile("{{payload.order}}", template.Options{Roots: workflowRoots})
		if err != nil {
			return nil, fmt.Errorf("destination: %w", err)
		}
		d.Ordered = &workflow.Ordered{Key: key, BlockFor: turns.Ordered.BlockFor}
	}
	return d, nil
}

// Deliverer is the integration that the runs of messages call. It is safe for
// concurrent use.
type Deliverer struct{ service *Service }

var _ action.Integration = (*Deliverer)(nil)

// Deliverer returns what the runs of messages call.
func (s *Service) Deliverer() *Deliverer { return &Deliverer{s} }

var delivererManifest = &sdk.Manifest{Name: Deliveries, Actions: []sdk.ActionSpec{{
	// A receiver knows a message by its id, so that a repeat does no harm.
	Name: actionDeliver, Writes: true, Repeat: sdk.RepeatIdempotent,
	Params: json.RawMessage(`{"type":"object","required":["destination","message","run"],"properties":{"destination":{"type":"string"},"message":{"type":"string"},"run":{"type":"string"}}}`),
}}}

// Name is Deliveries.
func (*Deliverer) Name() string { return Deliveries }

// Manifest is what it publishes, always the same.
func (*Deliverer) Manifest() *sdk.Manifest { return delivererManifest }

// Status is always ready.
func (*Deliverer) Status() action.Status { return action.Status{State: action.StateReady} }

// Execute makes one attempt at a message. The error is *sdk.Error.
func (d *Deliverer) Execute(ctx context.Context, call action.Call) (sdk.Result, error) {
	var params struct{ Destination, Message, Run string }
	if err := json.Unmarshal(call.Params.Raw(), &params); err != nil {
		return sdk.Result{}, sdk.Refuse(sdk.CodeInvalidParams, "%v", err)
	}
	result, err := d.service.deliver(ctx, params.Destination, params.Message, params.Run)
	if err != nil {
		return sdk.Result{}, failureOf(err)
	}
	body, err := json.Marshal(result)
	if err != nil {
		return sdk.Result{}, failureOf(err)
	}
	return sdk.Result{Body: body}, nil
}

// delivered is the result of the step that sends a message.
type delivered struct {
	ID string `json:"id"`
	*response
	// Held says why the message waits for the destination to be enabled, in place of a
	// response; the run has ended.
	Held string `json:"held,omitempty"`
	// Superseded: another run sends the message.
	Superseded bool `json:"superseded,omitempty"`
}

// task is a message that a run is to send, with what is known as it begins.
type task struct {
	destination string
	known       known
	record      *delivery
	data        []byte // the record as it is stored
	body        []byte
}

func (t *task) id() string { return recordID(t.destination, t.record.ID) }

// probes reports whether the message is to show whether the destination works again.
func (t *task) probes() bool {
	return t.known.State == StateProbing && t.known.Probe == t.record.ID && t.known.ProbeRun == t.record.Run
}

// read reads a message; nil where it is not kept any more.
func (s *Service) read(ctx context.Context, name, id string) (*task, error) {
	found, err := s.store.Get(ctx, state.Ref{Bucket: layout.BucketDestination, ID: name},
		state.Ref{Bucket: layout.BucketDelivery, ID: recordID(name, id)}, state.Ref{Bucket: layout.BucketMessage, ID: recordID(name, id)})
	if err != nil {
		return nil, err
	}
	t := &task{destination: name, data: found[1], body: found[2]}
	if t.known, err = readCondition(name, found[0]); err != nil {
		return nil, err
	}
	if t.record, err = readDelivery(found[1]); err != nil || t.record == nil || t.body == nil {
		return nil, err
	}
	return t, nil
}

// deliver makes one attempt at a message, for its run.
func (s *Service) deliver(ctx context.Context, name, id, run string) (*delivered, error) {
	for range maxTries {
		t, err := s.read(ctx, name, id)
		switch {
		case err != nil:
			return nil, err
		case t == nil:
			return nil, sdk.Refuse(sdk.CodeNotFound, "the message %s to %s is not kept any more", id, name)
		case t.record.Run != run:
			return &delivered{ID: id, Superseded: true}, nil
		case t.record.Held: // by this run, which ended before that was recorded
			return &delivered{ID: id, Held: t.record.Reason}, nil
		case t.known.holds() && !t.probes():
			if again, err := s.hold(ctx, t, t.known.Reason); !again {
				return &delivered{ID: id, Held: t.known.Reason}, err
			}
			continue
		}
		waits, again, err := s.keepOrder(ctx, t)
		if again {
			continue
		}
		if waits || err != nil {
			return &delivered{ID: id, Held: reasonOrder}, err
		}
		return s.try(ctx, t)
	}
	return nil, errBusy
}

// try sends a message and notes what that says of the destination.
func (s *Service) try(ctx context.Context, t *task) (*delivered, error) {
	now := s.current.Load()
	d := now.byName[t.destination]
	if d == nil {
		return nil, sdk.Refuse(sdk.CodeUnavailable, "the config has no destination %s now", t.destination).Later(0)
	}
	began := s.now()
	kept, status, failed := d.attempt(ctx, now.transport, t.record.ID, t.body, began)
	s.metrics.attempt(d.name, failed, s.now().Sub(began))
	if failed == nil {
		s.noteSuccess(ctx, t)
		return &delivered{ID: t.record.ID, response: kept}, nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, failed // the process ends: that says nothing of the destination
	}
	held, err := s.noteFailure(ctx, t, status, failed)
	if err != nil {
		return nil, err
	}
	if held != "" {
		return &delivered{ID: t.record.ID, Held: held}, nil
	}
	return nil, failed
}

// noteSuccess notes that a destination has taken a message. What cannot be noted now
// is noted with the next.
func (s *Service) noteSuccess(ctx context.Context, t *task) {
	if t.known.Health.IsZero() && !t.probes() {
		return
	}
	err := s.change(ctx, t.destination, func(k known) (condition, []state.Op, bool) {
		next := k.condition
		next.Health = health{}
		if k.State == StateProbing && k.Probe == t.record.ID {
			next = condition{State: StateReleasing, Since: s.now().UTC()}
			return next, nil, true
		}
		return next, nil, !k.Health.IsZero()
	})
	if err != nil {
		s.log.Warn("that a destination works could not be noted", "destination", t.destination, "error", err)
	}
	s.wakeup.Wake()
}

// noteFailure notes that an attempt has failed. Where that disables the destination, or
// the message was its probe, the message is held in the same write: it returns why.
func (s *Service) noteFailure(ctx context.Context, t *task, status int, failed *sdk.Error) (held string, err error) {
	at := s.now().UTC()
	var was *known
	err = s.change(ctx, t.destination, func(k known) (condition, []state.Op, bool) {
		held, was = "", &k
		next, changed := k.condition, false
		next.Health, changed = k.Health.failed(at)
		switch {
		case k.holds() && !(k.State == StateProbing && k.Probe == t.record.ID): // by others, meanwhile
			held = k.Reason
			return next, t.holdOps(held), true
		case status == http.StatusGone:
			next = condition{State: StateDisabled, Code: CodeGone, Reason: t.destination + " responded with 410 Gone: it wants no more messages", Since: at}
		case k.State == StateProbing:
			next.State, next.Code, next.Since, next.Probe, next.ProbeRun = StateDisabled, CodeProbe, at, "", ""
			next.Reason = "the message that probed it failed: " + failed.Message
		case next.Health.isOver(at):
			next = condition{State: StateDisabled, Code: CodeFailing, Since: at,
				Reason: fmt.Sprintf("everything has failed since %s, at last: %s", next.Health.First.Format(value.TimeFormat), failed.Message)}
		default:
			return next, nil, changed
		}
		held = next.Reason
		ops := t.holdOps(held)
		if next.Code != CodeProbe {
			ops = append(ops, disabledNotice(t.destination, &next).Ops(at)...)
		}
		return next, ops, true
	})
	if held == "" || err != nil {
		return "", err
	}
	s.metrics.messages.WithLabelValues(t.destination, outcomeHeld).Inc()
	if was.State != StateDisabled {
		s.log.Warn("a destination is disabled; its messages are held until it is enabled", "destination", t.destination, "reason", held)
	}
	s.wakeup.Wake()
	return held, nil
}

// disabledNotice says that a destination was disabled for what its receiver did, or did
// not do.
func disabledNotice(name string, c *condition) notice.Notice {
	return notice.Notice{Type: notice.TypeDestinationDisabled, Cause: name, Data: encode(struct {
		Destination string `json:"destination"`
		Code        Code   `json:"code"`
		Reason      string `json:"reason"`
		Since       string `json:"since"`
	}{name, c.Code, c.Reason, c.Since.Format(value.TimeFormat)})}
}

// hold has a message wait until the destination is enabled.
func (s *Service) hold(ctx context.Context, t *task, reason string) (again bool, err error) {
	again, err = s.commit(ctx, append(t.known.unchanged(t.destination), t.holdOps(reason)...)...)
	if err == nil {
		s.metrics.messages.WithLabelValues(t.destination, outcomeHeld).Inc()
	}
	return again, err
}

// holdOps are the ops that hold a message. The first is their condition: that it is as
// it was read.
func (t *task) holdOps(reason string) []state.Op {
	next := *t.record
	next.Held, next.Reason = true, reason
	return []state.Op{
		state.RequireValue(layout.BucketDelivery, t.id(), t.data),
		state.Put(layout.BucketDelivery, t.id(), encode(next), 0),
		state.Add(heldOf(t.destination), next.member()),
	}
}

// release has a message that is held or has ended be sent by a new run, in the write
// that makes it, with what is to be done once. Ops are further ones of the same write.
// The error is engine.ErrStale where the message, or a condition of the ops, has changed.
func (s *Service) release(ctx context.Context, t *task, run string, by engine.Initiator, once engine.Once, ops ...state.Op) error {
	d, err := s.find(t.destination)
	if err != nil {
		return err
	}
	var message struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(t.body, &message); err != nil {
		return fmt.Errorf("destination: message %s: %w", t.id(), err)
	}
	payload, err := s.orderOf(d, outgoingMessage{id: t.record.ID, kind: t.record.Type, data: message.Data}, t.body)
	if err != nil {
		return err
	}
	next := *t.record
	next.Run, next.Held, next.Reason = run, false, ""
	_, err = s.runs.Start(ctx, engine.StartRequest{
		ID: run, Workflow: WorkflowID(t.destination), StartedBy: by, Once: once, Roots: map[string]value.Doc{"payload": payload},
		Beside: append([]state.Op{
			state.RequireValue(layout.BucketDelivery, t.id(), t.data),
			state.Put(layout.BucketDelivery, t.id(), encode(next), 0),
			state.Remove(heldOf(t.destination), next.member()),
		}, ops...),
	})
	return err
}

// idOf is the id of a message in its entry of a list.
func idOf(member string) string {
	_, id, _ := strings.Cut(member, "/")
	return id
}
