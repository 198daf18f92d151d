package notice

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// Type is what happened.
type Type string

// The types of notices.
const (
	TypeEventFailed         Type = "event.failed"         // the run of a webhook's event failed
	TypeRunFailed           Type = "run.failed"           // a run of a workflow failed
	TypeRunParked           Type = "run.parked"           // a run was given up, because it held up the gateway or others
	TypeDestinationDisabled Type = "destination.disabled" // nothing is sent to a destination any more
	TypePluginDown          Type = "plugin.down"          // a plugin does not work
	TypeEventsMissing       Type = "events.missing"       // a vendor has events that never came, or does not know one that came
)

// Types are all types.
var Types = []Type{TypeEventFailed, TypeRunFailed, TypeRunParked, TypeDestinationDisabled, TypePluginDown, TypeEventsMissing}

const (
	// maxStored bounds a stored notice, in bytes: what is longer loses its data.
	maxStored = 16 << 10
	// storedFor is how long a notice waits to become an event.
	storedFor = 7 * 24 * time.Hour
)

// Notice is something that happened to the gateway.
type Notice struct {
	Type Type `json:"type"`
	// Cause is what notices of the type are counted by: of those with the same cause
	// there is one in a window.
	Cause string `json:"cause"`
	// Data is a JSON object that says more: {{payload.data}}. It holds no secret.
	Data json.RawMessage `json:"data,omitempty"`
}

// Ops returns the ops that make the notice durable, as part of the commit of what
// happened at the time given.
func (n Notice) Ops(at time.Time) []state.Op {
	// A type, a text and JSON marshal for certain.
	text, err := json.Marshal(n)
	if err != nil || len(text) > maxStored {
		n.Data = nil
		text, _ = json.Marshal(n)
	}
	id := uuid.NewString()
	return []state.Op{
		state.Put(layout.BucketNotice, id, text, storedFor),
		state.Add(layout.SetNotices, timeKey(at)+"/"+id),
	}
}

// timeKey is a time as the first part of a member: members are in its order.
func timeKey(at time.Time) string { return fmt.Sprintf("%016x", at.UnixMilli()) }
