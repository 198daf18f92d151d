package gateway

import (
	"cmp"
	"encoding/json"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/sdk/value"
)

// eventSummary is an event as lists show it.
type eventSummary struct {
	// ID is the sender's, UID the gateway's own.
	ID      string       `json:"id"`
	UID     string       `json:"uid"`
	Webhook string       `json:"webhook"`
	Type    string       `json:"type"`
	Status  event.Status `json:"status"`
	// Run is its latest run; null of a filtered event.
	Run        *string    `json:"run"`
	ReceivedAt value.Time `json:"receivedAt"`
	Source     string     `json:"source"`
	// Livemode is null where the sender has no modes.
	Livemode *bool    `json:"livemode"`
	Flags    []string `json:"flags"`
}

func newEventSummary(v *event.View) eventSummary {
	doc := eventSummary{
		ID: v.ID, UID: v.UID(), Webhook: v.Webhook, Type: v.Type, Status: v.Status, ReceivedAt: value.Time{Time: v.ReceivedAt},
		Source: cmp.Or(v.Source, event.SourceWebhook), Livemode: v.Livemode, Flags: append([]string{}, v.Flags...),
	}
	if v.RunID != "" {
		doc.Run = &v.RunID
	}
	return doc
}

// verdictJSON says how an event was judged.
type verdictJSON struct {
	// Verified: its signature was; else it came by a way that needs none.
	Verified bool `json:"verified"`
	// Provider is the one that verified it, where that was recorded.
	Provider string     `json:"provider,omitempty"`
	At       value.Time `json:"at"`
}

// eventDetail is all of an event.
type eventDetail struct {
	eventSummary
	Verdict verdictJSON `json:"verdict"`
	// Error is why it failed, null unless it did.
	Error *problem `json:"error"`
	// Payload and Headers are what its actions see; null where Unkept says why.
	Payload json.RawMessage `json:"payload"`
	Headers json.RawMessage `json:"headers"`
	Unkept  string          `json:"unkept,omitempty"`
	// Runs that were replaced, the latest last.
	PreviousRuns []string `json:"previousRuns"`
	// Redeliveries counts those that resumed the run, and ResumedAt is when the last did.
	Redeliveries int         `json:"redeliveries"`
	ResumedAt    *value.Time `json:"resumedAt"`
}

func (x *requestContext) eventDetail(d *event.Detail) eventDetail {
	doc := eventDetail{
		eventSummary: newEventSummary(&d.View),
		Verdict:      verdictJSON{Verified: cmp.Or(d.Source, event.SourceWebhook) == event.SourceWebhook, Provider: d.Provider, At: value.Time{Time: d.ReceivedAt}},
		Payload:      d.Payload, Headers: d.Headers, PreviousRuns: append([]string{}, d.Previous...), Redeliveries: d.Resumed, ResumedAt: optionalTime(d.ResumedAt),
	}
	if d.Status == event.StatusFailed {
		doc.Error = x.failure(d.Error)
	}
	if d.Payload == nil {
		doc.Unkept = "the run of the event is not kept any more (state.retention), and with it payload and headers"
	}
	return doc
}
