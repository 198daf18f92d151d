package destination

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// Status is what has become of a message.
type Status string

// The statuses of a message.
const (
	StatusPending   Status = "pending"   // it is sent, or waits for its turn or its next attempt
	StatusDelivered Status = "delivered" // its receiver took it
	StatusFailed    Status = "failed"    // no attempt is left, or its run was cancelled
	StatusHeld      Status = "held"      // it waits until its destination is enabled
)

// Statuses are all statuses.
var Statuses = []Status{StatusPending, StatusDelivered, StatusFailed, StatusHeld}

// Message is what is known of a message to a destination.
type Message struct {
	ID     string
	Type   string
	Status Status
	At     time.Time
	// Run is the run that sends it, or sent it; empty for one that never had one.
	Run string
	// Attempts are those of its run so far.
	Attempts int
	// NextAttemptAt is when the next one is made; zero where none is planned.
	NextAttemptAt time.Time
	// Reason says why it is held.
	Reason string
	// Error is how the last attempt failed, nil where it did not.
	Error *sdk.Error
	// Response is that to the last attempt; nil where none came.
	Response *Response
}

// Response is the response to an attempt. Body is at most MaxResponse bytes of it.
type Response struct {
	Status int
	Body   string
}

// View is what is known of a destination.
type View struct {
	Name string
	// URL is as the config writes it.
	URL          string
	Types        []string // nil wants all
	Enabled      bool
	Probing      bool // whether it works again is being seen
	Code         Code
	Reason       string
	Since        time.Time // of being disabled, else zero
	FailingSince time.Time // when the first attempt failed since it last took a message; zero where none has
	// Held is how many messages are held, MaxCounted at most.
	Held int
}

// MaxCounted is up to how many messages of a destination are counted.
const MaxCounted = 1000

// List returns what is known of all destinations, by name.
func (s *Service) List(ctx context.Context) ([]View, error) {
	views := []View{}
	for _, name := range s.Names() {
		view, err := s.Show(ctx, name)
		if failed, ok := errors.AsType[*sdk.Error](err); ok && failed.Code == sdk.CodeNotFound {
			continue // the config has it no more
		}
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	return views, nil
}

// Show returns what is known of a destination. The error is *sdk.Error with
// CodeNotFound where it is not known.
func (s *Service) Show(ctx context.Context, name string) (View, error) {
	d, err := s.find(name)
	if err != nil {
		return View{}, err
	}
	k, err := s.condition(ctx, name)
	if err != nil {
		return View{}, err
	}
	held, err := s.store.Range(ctx, state.Range{Set: heldOf(name), Limit: MaxCounted})
	if err != nil {
		return View{}, err
	}
	view := View{Name: name, URL: d.shown, Types: d.types, Enabled: !k.holds(), Probing: k.State == StateProbing, FailingSince: k.Health.First, Held: len(held)}
	if k.holds() {
		view.Code, view.Reason, view.Since = k.Code, k.Reason, k.Since
	}
	return view, nil
}

// MessageFilter selects messages of a destination.
type MessageFilter struct {
	Statuses []Status // those with any of them; empty: all
	Type     string   // a pattern; empty: all
	Since    time.Time
}

// MessageRequest asks for a page of messages, the newest first.
type MessageRequest struct {
	Filter MessageFilter
	Limit  int // 1 to MaxMessagesPage; 0 is defaultMessagesPage
	Cursor string
}

const (
	// MaxMessagesPage is the most messages of a page.
	MaxMessagesPage     = 200
	defaultMessagesPage = 50
	// maxListReads bounds how many messages are read for one page.
	maxListReads = 4 * page
)

// ErrBadCursor: a cursor that no list returned.
var ErrBadCursor = errors.New("destination: bad cursor")

// Messages returns a page of messages of a destination. It may be shorter than asked
// for although more follow: next alone says whether it is the last.
func (s *Service) Messages(ctx context.Context, name string, req MessageRequest) (messages []Message, next string, err error) {
	if _, err := s.find(name); err != nil {
		return nil, "", err
	}
	if req.Limit == 0 {
		req.Limit = defaultMessagesPage
	}
	req.Limit = min(max(req.Limit, 1), MaxMessagesPage)
	if req.Cursor != "" && !strings.Contains(req.Cursor, "/") {
		return nil, "", ErrBadCursor
	}
	source := messagesOf(name)
	if slices.Equal(req.Filter.Statuses, []Status{StatusHeld}) {
		source = heldOf(name)
	}
	messages, after := []Message{}, req.Cursor
	for read := 0; read < maxListReads; read += page {
		members, err := s.store.Range(ctx, state.Range{Set: source, After: after, Limit: page, Reverse: true})
		if err != nil {
			return nil, "", err
		}
		records, err := s.records(ctx, name, members)
		if err != nil {
			return nil, "", err
		}
		for i, r := range records {
			if !r.isShown() || req.Filter.Type != "" && !event.MatchesType(req.Filter.Type, r.Type) {
				continue
			}
			if !req.Filter.Since.IsZero() && r.At.Before(req.Filter.Since) {
				return messages, "", nil
			}
			m, err := s.message(ctx, r.delivery)
			if errors.Is(err, engine.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, "", err
			}
			if len(req.Filter.Statuses) > 0 && !slices.Contains(req.Filter.Statuses, m.Status) {
				continue
			}
			if messages = append(messages, m); len(messages) == req.Limit {
				return messages, members[i], nil
			}
		}
		if len(members) < page {
			return messages, "", nil
		}
		after = members[len(members)-1]
	}
	return messages, after, nil
}

// isShown reports whether what became of a message is known: it is held, or its run is
// kept.
func (r *storedRecord) isShown() bool { return r.delivery != nil && (r.kept || r.Held) }

// message returns what has become of a message. The error matches engine.ErrNotFound
// where its run is not kept any more.
func (s *Service) message(ctx context.Context, d *delivery) (Message, error) {
	m := Message{ID: d.ID, Type: d.Type, At: d.At, Run: d.Run, Status: StatusHeld, Reason: d.Reason}
	if d.Run == "" {
		return m, nil
	}
	run, err := s.runs.Get(ctx, d.Run)
	if errors.Is(err, engine.ErrNotFound) && d.Held {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if !d.Held {
		m.Status = statusOf(run.Status)
	}
	for i := range run.Steps {
		step := &run.Steps[i]
		m.Attempts = step.Attempts
		if m.Status == StatusPending {
			m.NextAttemptAt = run.Waiting.Until
		}
		if m.Error = step.Error; m.Error != nil {
			m.Response = responseOf(m.Error.Details)
		} else if m.Status == StatusDelivered {
			m.Response = responseOf(step.Result.Raw())
		}
	}
	if run.Error != nil && run.Error.Err.Code == workflow.CodeParked {
		m.Error = run.Error.Err // it says why there are no more attempts
	}
	return m, nil
}

// statusOf is the status of a message that is not held, by that of its run.
func statusOf(run workflow.RunStatus) Status {
	switch {
	case run == workflow.RunSucceeded:
		return StatusDelivered
	case run.Ended():
		return StatusFailed
	default:
		return StatusPending
	}
}

// responseOf reads the response that a step has kept, nil for none.
func responseOf(kept json.RawMessage) *Response {
	var r response
	if json.Unmarshal(kept, &r) != nil || r.Status == 0 {
		return nil
	}
	return &Response{r.Status, r.Body}
}

// record returns the record of one message; nil where it is not kept any more.
func (s *Service) record(ctx context.Context, name, id string) (storedRecord, error) {
	found, err := s.store.Get(ctx, state.Ref{Bucket: layout.BucketDelivery, ID: recordID(name, id)})
	if err != nil {
		return storedRecord{}, err
	}
	d, err := readDelivery(found[0])
	return storedRecord{delivery: d, data: found[0]}, err
}
