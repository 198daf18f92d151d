package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/backflow/backflow/core/state"
)

const (
	// Kept is how long an event id is remembered, whatever becomes of its run.
	Kept = 30 * 24 * time.Hour
	// MaxIDLen bounds the id and the type of an event, in bytes.
	MaxIDLen = 512

	// bucket has a record for each event; index is the set of all events in the
	// order of their time, and index/NAME that of one webhook.
	bucket = "event"
	index  = "events"

	// eventVersion is the version of a stored event.
	eventVersion = 1

	// timeFormat is of fixed width, so that its texts sort by time.
	timeFormat = "2006-01-02T15:04:05.000Z"
)

// event is what is kept of a received event.
type event struct {
	Version    int       `json:"v"`
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	Webhook    string    `json:"webhook"`
	RunID      string    `json:"runId"`
	ReceivedAt time.Time `json:"receivedAt"` // UTC, whole milliseconds
	Size       int       `json:"size"`       // of the body, in bytes
}

// ops are the event's part of the write that makes its run. The first of them
// conflicts when the event is there already.
func (e *event) ops() []state.Op {
	return []state.Op{
		state.Insert(bucket, recordID(e.Webhook, e.ID), e.encode(), Kept),
		state.Add(index, e.member()),
		state.Add(index+"/"+e.Webhook, e.member()),
	}
}

// recordID is the id of an event's record. A webhook's name holds no slash, so
// two events never meet, whatever their ids hold.
func recordID(webhook, id string) string { return webhook + "/" + id }

func (e *event) member() string {
	return e.ReceivedAt.Format(timeFormat) + "/" + recordID(e.Webhook, e.ID)
}

// memberWebhook answers the webhook that a member of the index belongs to.
func memberWebhook(member string) string {
	_, rest, _ := strings.Cut(member, "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func (e *event) encode() []byte {
	// Marshal fails for values that JSON cannot hold; an event has strings,
	// integers and a time of this era only.
	b, _ := json.Marshal(e)
	return b
}

// decodeEvent reads what encode wrote.
func decodeEvent(b []byte) (*event, error) {
	var e event
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, fmt.Errorf("webhook: stored event: %w", err)
	}
	if e.Version != eventVersion {
		return nil, fmt.Errorf("webhook: stored event of version %d, this program knows %d", e.Version, eventVersion)
	}
	if e.ID == "" || e.Webhook == "" || e.RunID == "" {
		return nil, errors.New("webhook: stored event without id, webhook or run")
	}
	return &e, nil
}

// checkWord refuses ids and types that cannot be kept.
func checkWord(what, s string, mayBeEmpty bool) error {
	switch {
	case s == "" && !mayBeEmpty:
		return &Refusal{Kind: RefusedEvent, Reason: "the event has no " + what}
	case len(s) > MaxIDLen:
		return &Refusal{Kind: RefusedEvent, Reason: fmt.Sprintf("the event's %s has %d bytes, at most %d are kept", what, len(s), MaxIDLen)}
	case !utf8.ValidString(s):
		return &Refusal{Kind: RefusedEvent, Reason: "the event's " + what + " is not valid UTF-8"}
	default:
		return nil
	}
}
