// Package event records webhook events: what was received, when, and which run it
// started; and it shows and repairs them.
//
// The engine writes a record in the same commit as the event's run, from the
// value that Event.Once returns. So an event has a run if and only if it is
// recorded and was not filtered, and a recorded id is a duplicate. What became of an
// event is not stored: it is what became of its latest run, which the record names. A
// replay or a redelivery changes the record in the commit that has a run go on, or
// starts one; where a run is removed that did not succeed, what remains of it is kept
// with the event. Records expire by the store's clock; Log sweeps the lists of them.
//
// The package imports core/backoff, core/engine, core/state, core/state/layout, core/workflow, sdk, sdk/excerpt and sdk/value.
// It knows neither HTTP nor how an event is verified.
package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk/value"
)

const (
	// TTL is how long an event id is remembered, however its run ends.
	TTL = 30 * 24 * time.Hour
	// TimeFormat is the format of event times. Its width is fixed, so that
	// formatted times sort chronologically.
	TimeFormat = value.TimeFormat

	// SourceBackflow is the source of the gateway's own events, SourceReconciled that of
	// those that never arrived and were found in the list of their sender.
	SourceBackflow   = "backflow"
	SourceReconciled = "reconciled"

	// formatVersion is the version of a stored event.
	formatVersion = 1
)

// SourceWebhook is the source of an event that its sender has sent. It is not recorded.
const SourceWebhook = "webhook"

// Sources are all that there are.
var Sources = []string{SourceWebhook, "reconciled", SourceBackflow}

// Event is what is kept of a received event.
type Event struct {
	Version int    `json:"v"` // set by Once
	ID      string `json:"id"`
	Type    string `json:"type"`
	// Webhook is the name of the webhook that received it, without a slash.
	Webhook    string    `json:"webhook"`
	RunID      string    `json:"runId,omitempty"` // empty for a filtered event
	ReceivedAt time.Time `json:"receivedAt"`      // UTC, whole milliseconds
	Size       int       `json:"size"`            // of the body, in bytes
	// Livemode and Flags are what the provider said: see sdk.WebhookEvent.
	Livemode *bool    `json:"livemode,omitempty"`
	Flags    []string `json:"flags,omitempty"`
	// Source is how the event came; empty is SourceWebhook.
	Source string `json:"source,omitempty"`
	// Filtered: the webhook's filter let it not through, and it has no run.
	Filtered bool `json:"filtered,omitempty"`
	// Provider is the name of the one that verified it; older versions did not record it.
	Provider string `json:"provider,omitempty"`
	// Previous are the runs that were replaced, the latest last.
	Previous []string `json:"previous,omitempty"`
	// Resumed counts the redeliveries that resumed its run, ResumedAt is when the last did.
	Resumed   int       `json:"resumed,omitempty"`
	ResumedAt time.Time `json:"resumedAt,omitzero"`
}

// Once returns the condition under which the engine starts the event's run at
// most once for each id of its webhook, and the record to write. With a content, no
// other event of the webhook that came within TTL has the same, whatever its id.
func (e Event) Once(content []byte) engine.Once {
	e.Version = formatVersion
	once := engine.Once{
		Bucket: layout.BucketEvent, Key: recordID(e.Webhook, e.ID), Value: e.encode(), TTL: TTL,
		Index: []engine.IndexEntry{{Set: layout.SetEvents, Member: e.member()}, {Set: layout.SetEvents + "/" + e.Webhook, Member: e.member()}},
	}
	if content != nil {
		digest := sha256.Sum256(content)
		once.Alias = engine.Alias{Bucket: layout.BucketEventContent, Key: recordID(e.Webhook, hex.EncodeToString(digest[:]))}
	}
	return once
}

// recordID is the id of an event's record. A webhook's name holds no slash, so
// the ids of two webhooks cannot collide.
func recordID(webhook, id string) string { return webhook + "/" + id }

func (e Event) member() string {
	return e.ReceivedAt.Format(TimeFormat) + "/" + recordID(e.Webhook, e.ID)
}

func (e Event) encode() []byte {
	// Marshal fails for values that JSON cannot hold; an event has strings,
	// integers, true and false, and a time of this era only.
	b, _ := json.Marshal(e)
	return b
}

// Decode reads the value of an event's record.
func Decode(value []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(value, &e); err != nil {
		return Event{}, fmt.Errorf("event: stored event: %w", err)
	}
	if e.Version != formatVersion {
		return Event{}, fmt.Errorf("event: stored event of version %d, this program knows %d", e.Version, formatVersion)
	}
	if e.ID == "" || e.Webhook == "" || e.RunID == "" && !e.Filtered {
		return Event{}, errors.New("event: stored event without id, webhook or run")
	}
	return e, nil
}
