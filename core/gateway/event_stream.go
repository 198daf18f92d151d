package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/backflow/backflow/core/event"
)

// streamEvents follows received events as Server-Sent Events: each when it is received,
// and each change of its status. A client that comes back with the id of the last one that
// it saw gets what has happened since.
func (x *requestContext) streamEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := eventsQuery(x.query)
	if err != nil {
		return err
	}
	given := r.Header.Values("Last-Event-Id")
	if len(given) > 1 {
		return badLastEvent
	}
	after := ""
	if len(given) == 1 {
		after = given[0]
	}
	if !x.acquire(x.streaming) {
		return &apiError{code: codeOverloaded, detail: "too many events or runs are being followed, try again"}
	}
	ctx, cancel := x.following(r)
	defer cancel()
	tail, err := x.services.Events.Tail(ctx, q, after)
	if errors.Is(err, event.ErrBadCursor) {
		return badLastEvent
	}
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no")
	header.Set("Connection", "close")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	s := &eventStream{requestContext: x, w: w, tail: tail}
	if err := s.follow(ctx); err != nil && (errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() == nil) {
		x.log.WarnContext(r.Context(), "a stream of events was cut off", "error", err.Error())
	}
	return nil
}

var badLastEvent = &apiError{code: codeBadRequest, detail: "Last-Event-ID must be the id of an event of this stream"}

// eventStream is the events on their way to one client.
type eventStream struct {
	*requestContext
	w    http.ResponseWriter
	tail *event.Tail
}

// follow sends what happens until the client goes away.
func (s *eventStream) follow(ctx context.Context) error {
	out := []byte(": following\n\n") // the client sees that it is
	for {
		if err := s.write(out); err != nil {
			return err
		}
		beat, cancel := context.WithTimeout(ctx, s.limits.Heartbeat)
		changes, err := s.tail.Next(beat)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		if out = out[:0]; len(changes) == 0 {
			out = append(out, ": nothing new\n\n"...)
		}
		for i := range changes {
			c := &changes[i]
			data, err := marshal(newEventSummary(&c.View))
			if err != nil {
				return fmt.Errorf("gateway: event %s: %w", c.UID(), err)
			}
			out = fmt.Appendf(out, "id: %s\nevent: %s\ndata: %s\n\n", c.ID, c.Status, data)
		}
	}
}

// write sends bytes at once: see stream.write.
func (s *eventStream) write(p []byte) error {
	if _, err := s.w.Write(p); err != nil {
		return err
	}
	return http.NewResponseController(s.w).Flush()
}
