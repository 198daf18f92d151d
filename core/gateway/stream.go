package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// streamChunk is about how much is sent at once, so that the time which a client
// has to take it is not for all of a long run.
const streamChunk = 64 << 10

// streamRun follows a run as Server-Sent Events (WHATWG HTML, section 9.2) from
// the event after Last-Event-ID, or from the first, to the run's end. Events are
// numbered from 1 in the order of the run's journal, which is only ever appended
// to: a client that comes back with the last number that it saw loses and repeats
// nothing.
func (x *requestContext) streamRun(w http.ResponseWriter, r *http.Request) error {
	seen, err := lastEventID(r.Header)
	if err != nil {
		return err
	}
	if !x.acquire(x.streaming) {
		return &apiError{code: codeOverloaded, detail: "too many runs are being followed, try again"}
	}
	ctx, cancel := x.following(r)
	defer cancel()

	// The journal is read from its beginning, also for a client that comes back:
	// the numbers of events and of attempts are counted, not stored.
	s := &stream{requestContext: x, w: w, run: x.argument("run"), seen: seen, after: -1, attempts: map[string]attempts{}}
	first, err := x.services.Runs.Follow(ctx, s.run, s.after)
	for err == nil && first.More && s.number+len(first.Events) < seen {
		s.pass(first)
		first, err = x.services.Runs.Follow(ctx, s.run, s.after)
	}
	if err != nil {
		return err
	}
	switch recorded := s.number + len(first.Events); {
	case seen > recorded:
		return &apiError{code: codeBadRequest, detail: fmt.Sprintf("Last-Event-ID: the run has no event %d yet", seen)}
	case seen == recorded && first.Run.Status.Ended() && !first.More:
		// Nothing is to come. After this status an EventSource does not come back.
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // proxies that know it hand events on at once
	header.Set("Connection", "close")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	err = s.follow(ctx, first)
	// A failed write ends the context, too.
	if slow := errors.Is(err, os.ErrDeadlineExceeded); err != nil && (slow || ctx.Err() == nil) {
		// The response has begun, so that it can only end. The client comes back
		// with the last event that arrived.
		x.log.WarnContext(r.Context(), "a stream was cut off", "run", s.run, "error", err.Error())
	}
	return nil
}

// lastEventID reads where a stream was left, 0 if nowhere.
func lastEventID(h http.Header) (int, error) {
	given := h.Values("Last-Event-Id")
	if len(given) == 0 || len(given) == 1 && given[0] == "" {
		return 0, nil
	}
	seen, err := strconv.ParseUint(given[0], 10, 31)
	if err != nil || len(given) > 1 {
		return 0, &apiError{code: codeBadRequest, detail: "Last-Event-ID must be the id of an event of this stream, a whole number"}
	}
	return int(seen), nil
}

// stream is a run on its way to one client.
type stream struct {
	*requestContext
	w        http.ResponseWriter
	run      string
	seen     int // number of the last event that the client has
	number   int // of the last event that was looked at
	after    int // number of the last journal entry that was looked at
	attempts map[string]attempts
	hide     telemetry.Redactor // knows what the results so far have that nobody is shown
}

// attempts counts the calls of a step: all of them, and those since it was last
// begun. Status is that of a step that did not succeed, which it keeps when it is
// undone.
type attempts struct {
	all, begun int
	status     workflow.StepStatus
}

// count counts the call that an event lets be made, and remembers what its result has
// that nobody is shown.
func (s *stream) count(e *workflow.Event) {
	if texts := e.SensitiveTexts(); len(texts) > 0 {
		s.hide.Add(texts...)
	}
	n := s.attempts[e.Path]
	switch e.Type {
	case workflow.EventScheduled:
		n = attempts{all: n.all + 1, begun: 1}
	case workflow.EventRetried:
		n = attempts{all: n.all + 1, begun: n.begun + 1}
	case workflow.EventFailed, workflow.EventCancelled:
		n.status, _ = e.Type.StepStatus()
	default:
		return
	}
	s.attempts[e.Path] = n
}

// pass passes over events that the client has.
func (s *stream) pass(p engine.Progress) {
	for i := range p.Events {
		s.number++
		s.count(&p.Events[i])
	}
	s.after = p.Entry
}

// follow sends what happens until the run has ended and all was sent.
func (s *stream) follow(ctx context.Context, p engine.Progress) error {
	for ended := false; ; {
		if err := s.send(p); err != nil {
			return err
		}
		// Events may have been recorded between the look at the journal and the
		// look at the run: only a look that began after the end has seen all.
		if ended && p.Run.Status.Ended() && len(p.Events) == 0 {
			return nil
		}
		ended = p.Run.Status.Ended()
		var err error
		if p, err = s.next(ctx); err != nil {
			return err
		}
	}
}

// next waits for something to happen, and shows every now and then that the
// stream is alive.
func (s *stream) next(ctx context.Context) (engine.Progress, error) {
	for {
		beat, cancel := context.WithTimeout(ctx, s.limits.Heartbeat)
		p, err := s.services.Runs.Follow(beat, s.run, s.after)
		idle := beat.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return p, ctx.Err()
		case err != nil && !(idle && errors.Is(err, context.DeadlineExceeded)):
			return p, err
		case err == nil && (len(p.Events) > 0 || p.Run.Status.Ended()):
			return p, nil
		}
		if err := s.write([]byte(": nothing new\n\n")); err != nil {
			return p, err
		}
	}
}

// sizeOf is about how many bytes events hold.
func sizeOf(events []workflow.Event) int {
	n := 0
	for i := range events {
		n += len(events[i].Result.Raw())
	}
	return n
}

// send sends the events that the client does not have yet.
func (s *stream) send(p engine.Progress) error {
	if pending := sizeOf(p.Events); pending > writeChunk {
		// The events are held until the client has taken them.
		t := s.leaving.begin(s.holder, leastLeaving*pending, s.connection.abortWrite)
		defer t.end()
		if !t.grow(pending) {
			return os.ErrDeadlineExceeded
		}
	}
	var out []byte
	for i := range p.Events {
		e := &p.Events[i]
		s.number++
		s.count(e)
		if s.number <= s.seen {
			continue
		}
		doc := s.eventJSON(e, p.Step(e.Path))
		if e.Type == workflow.EventSucceeded {
			doc.Result = s.hide.JSON(doc.Result)
		}
		data, err := marshal(doc)
		if err != nil {
			return fmt.Errorf("gateway: event %d: %w", s.number, err)
		}
		// JSON as marshal writes it has no line break.
		out = fmt.Appendf(out, "id: %d\nevent: %s\ndata: %s\n\n", s.number, e.Type, data)
		if len(out) < streamChunk {
			continue
		}
		if err := s.write(out); err != nil {
			return err
		}
		out = out[:0]
	}
	s.after = p.Entry
	return s.write(out)
}

// write sends bytes at once. The stream of a client that does not take them in
// time is cut off by its connection.
func (s *stream) write(p []byte) error {
	if _, err := s.w.Write(p); err != nil {
		return err
	}
	return http.NewResponseController(s.w).Flush()
}

// eventJSON is an event of a run. Status is that of the step at the path
// afterwards; of events without a path, and of the last one, that of the run.
type eventJSON struct {
	Type     workflow.EventType `json:"type"`
	Path     string             `json:"path,omitempty"`
	At       value.Time         `json:"at"`
	Status   string             `json:"status"`
	Attempts int                `json:"attempts,omitempty"`
	// Signal is the one that a step waits for, Run the run; RetryAt is when it
	// goes on by itself.
	Signal string `json:"signal,omitempty"`
	Run    string `json:"run,omitempty"`
	// What the step waits for and until when, and which attempt begins or has
	// failed since the step was last begun, as the run shows it. RetryAt is also
	// there for a wait, which has no attempt.
	waitJSON
	resultJSON
	Error *problem `json:"error,omitempty"`
}

// eventJSON shows an event as GET /runs/{id} shows its effect.
func (s *stream) eventJSON(e *workflow.Event, step *workflow.Step) eventJSON {
	doc := eventJSON{
		Type: e.Type, Path: e.Path, At: value.Time{Time: e.At}, Status: s.statusAfter(e), Attempts: s.attempts[e.Path].all,
		resultJSON: newResultJSON(s.run, e.Path, e.Result.Raw(), len(e.Result.Raw())),
	}
	switch e.Type {
	case workflow.EventWaiting:
		doc.Signal = e.Name
	case workflow.EventChild:
		doc.Run = e.Child
	}
	if step != nil {
		doc.waitJSON = s.waitAfter(e, step)
	}
	doc.RetryAt = optionalTime(e.RetryAt)
	if e.Error != nil {
		failure := workflow.Failure{Origin: workflow.Origin{Step: e.Path}, Err: e.Error}
		switch {
		case e.Origin != nil:
			failure.Origin = *e.Origin
		case step != nil && doc.Attempts > 0:
			failure.Integration = step.Integration
		}
		doc.Error = s.failure(&failure)
	}
	return doc
}

// waitAfter says what a step waits for after an event, and which attempt the event
// is about.
func (s *stream) waitAfter(e *workflow.Event, step *workflow.Step) waitJSON {
	doc := waitJSON{WaitingFor: e.WaitingFor(), WaitingUntil: optionalTime(e.WaitingUntil(step))}
	switch e.Type {
	case workflow.EventScheduled, workflow.EventRetried, workflow.EventAttemptFailed:
		doc.Attempt, doc.MaxAttempts = s.attempts[e.Path].begun, step.Retry.MaxAttempts
	}
	return doc
}

// statusAfter is the status that an event leads to.
func (s *stream) statusAfter(e *workflow.Event) string {
	switch e.Type {
	case workflow.EventStarted, workflow.EventRetry:
		return string(workflow.RunQueued)
	case workflow.EventUndecided:
		return string(workflow.RunWaiting)
	case workflow.EventCompensating, workflow.EventCompensationFailed:
		return string(cmp.Or(s.attempts[e.Path].status, workflow.StepSucceeded))
	case workflow.EventStopping, workflow.EventEnded:
		return string(e.Status)
	case workflow.EventParked:
		return string(workflow.RunFailed)
	}
	status, _ := e.Type.StepStatus()
	return string(status)
}
