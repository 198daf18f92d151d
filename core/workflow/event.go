package workflow

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// EventType is what an event records.
type EventType string

// The events of a run. The names are stored in journals: they never change.
const (
	EventStarted            EventType = "started"       // Roots
	EventSkipped            EventType = "skipped"       // Path
	EventEntered            EventType = "entered"       // Path; Params: the items of a foreach; Case: that of a switch
	EventScheduled          EventType = "scheduled"     // Path, Params, Key, Generation: the first attempt may be sent
	EventWaiting            EventType = "waiting"       // Path; RetryAt of a wait, Name of a signal
	EventChild              EventType = "child"         // Path, Child, Params: the run that the step waits for
	EventAttemptFailed      EventType = "attemptFailed" // Path, Error, RetryAt
	EventRetried            EventType = "retried"       // Path: the next attempt may be sent
	EventExpired            EventType = "expired"       // Path: what is in the step is being ended
	EventSucceeded          EventType = "succeeded"     // Path, Result or Dropped
	EventFailed             EventType = "failed"        // Path, Error; Child: the run that it does not wait for any more
	EventCancelled          EventType = "cancelled"     // Path, with all that is under way in the step; Child as for failed
	EventStopping           EventType = "stopping"      // Status, and Path, Error or Result: the run goes no further; Parent
	EventSettled            EventType = "settled"       // Path, Error: what is known of the run that the step had given up, for it has ended
	EventUndecided          EventType = "undecided"     // Path: the run waits for a person, since the outcome of a step is unknown
	EventCompensating       EventType = "undoing"       // Path
	EventCompensated        EventType = "compensated"   // Path
	EventCompensationFailed EventType = "undoFailed"    // Path, Error
	EventEnded              EventType = "ended"         // Status, and Error or Result
	EventTakenOver          EventType = "takenOver"     // Path, Result; Child: the step had succeeded in the run whose place this one takes
	EventParked             EventType = "parked"        // Error: a run that failed held up others for too long
	EventRetry              EventType = "retry"         // a failed run goes on from where it failed; Params: paths of children that are retried too; Name: RetryLatest, or empty
)

// Event is one recorded fact of a run. The comment at the type says which fields
// are set.
type Event struct {
	Type       EventType            `json:"type"`
	At         time.Time            `json:"at"`
	Path       string               `json:"path,omitempty"`
	Roots      map[string]value.Doc `json:"roots,omitempty"`
	Params     value.Doc            `json:"params,omitzero"`
	Key        string               `json:"key,omitempty"`
	Generation int                  `json:"generation,omitempty"`
	Case       int                  `json:"case,omitempty"` // counting from 1; 0 is the default
	Name       string               `json:"name,omitempty"`
	Child      string               `json:"child,omitempty"`
	Result     value.Doc            `json:"result,omitzero"`
	// Dropped is how many bytes a result had that the run had no room for: the step
	// succeeded without it.
	Dropped int        `json:"dropped,omitempty"`
	Error   *sdk.Error `json:"error,omitempty"`
	// Origin is where Error comes from, nil where that is the step at Path.
	Origin *Origin `json:"origin,omitempty"`
	// Unknown: when this failure was recorded, an attempt had an outcome that
	// is not known.
	Unknown bool `json:"unknown,omitempty"`
	// Sensitive names members of Result that nobody is shown.
	Sensitive []string `json:"sensitive,omitempty"`
	// Reads: this call had no effect, though other calls of its action have one.
	Reads   bool      `json:"reads,omitempty"`
	RetryAt time.Time `json:"retryAt,omitzero"`
	Status  RunStatus `json:"status,omitempty"`
	// Awaited: before the run undoes anything, it waits for the end of Child, which
	// the step has given up.
	Awaited bool `json:"awaited,omitempty"`
	// Parent: the run was cancelled because its parent waits for it no more, and
	// not by a person.
	Parent bool `json:"parent,omitempty"`
}

// journalVersion is the newest version of the entry format. A reader refuses
// newer ones and goes on to read all older ones. Version 2 has EventUndecided and
// EventSettled, and undoes steps that did not succeed. Version 3 has EventTakenOver and EventParked. An entry has the lowest version that can say
// what is in it, so that a program that knows no newer one can go on with its run.
const journalVersion = 3

// version is the lowest version of the entry format that has the event.
func (e *Event) version() int {
	if e.Type == EventTakenOver || e.Type == EventParked {
		return journalVersion
	}
	if e.Type == EventUndecided || e.Type == EventSettled || e.Awaited || e.Parent || e.Error != nil && e.Error.Outcome == sdk.OutcomeExecuted {
		return 2
	}
	return 1
}

type entry struct {
	Version int     `json:"v"`
	Events  []Event `json:"events"`
}

// EncodeEntry makes one journal entry of events that were decided together. It is
// written by hand, since a run writes many and reads none: documents
// are copied as they are.
func EncodeEntry(events []Event) []byte {
	buf := make([]byte, 0, entrySize(events))
	version := 1
	for i := range events {
		version = max(version, events[i].version())
	}
	buf = append(buf, `{"v":`...)
	buf = strconv.AppendInt(buf, int64(version), 10)
	buf = append(buf, `,"events":[`...)
	for i := range events {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = events[i].append(buf)
	}
	return append(buf, `]}`...)
}

// DecodeEntry reads what EncodeEntry of this or an older version wrote.
func DecodeEntry(data []byte) ([]Event, error) {
	var e entry
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("workflow: journal entry: %w", err)
	}
	if e.Version < 1 || e.Version > journalVersion {
		return nil, fmt.Errorf("workflow: journal entry has format %d, this program reads 1 to %d", e.Version, journalVersion)
	}
	return e.Events, nil
}

func entrySize(events []Event) int {
	size := 24
	for i := range events {
		size += events[i].Size()
	}
	return size
}

// Size is about how many bytes the event has in an entry, rather more than less.
func (e *Event) Size() int {
	return 192 + len(e.Path) + len(e.Key) + 16*len(e.Roots) + e.valueBytes()
}

func (e *Event) append(buf []byte) []byte {
	buf = append(buf, `{"type":"`...)
	buf = append(buf, e.Type...)
	buf = append(buf, `","at":"`...)
	buf = e.At.UTC().AppendFormat(buf, time.RFC3339Nano)
	buf = append(buf, '"')
	if e.Path != "" {
		buf = value.AppendString(append(buf, `,"path":`...), e.Path)
	}
	if len(e.Roots) > 0 {
		buf = append(buf, `,"roots":{`...)
		first := true
		for _, name := range sortedNames(e.Roots) {
			if !first {
				buf = append(buf, ',')
			}
			first = false
			buf = append(value.AppendString(buf, name), ':')
			buf = append(buf, e.Roots[name].Raw()...)
		}
		buf = append(buf, '}')
	}
	if !e.Params.IsZero() {
		buf = append(append(buf, `,"params":`...), e.Params.Raw()...)
	}
	if e.Key != "" {
		buf = value.AppendString(append(buf, `,"key":`...), e.Key)
	}
	if e.Generation != 0 {
		buf = strconv.AppendInt(append(buf, `,"generation":`...), int64(e.Generation), 10)
	}
	if e.Case != 0 {
		buf = strconv.AppendInt(append(buf, `,"case":`...), int64(e.Case), 10)
	}
	if e.Name != "" {
		buf = appendJSON(append(buf, `,"name":`...), e.Name) // of any characters: written as it always was
	}
	if e.Child != "" {
		buf = value.AppendString(append(buf, `,"child":`...), e.Child)
	}
	if !e.Result.IsZero() {
		buf = append(append(buf, `,"result":`...), e.Result.Raw()...)
	}
	if e.Dropped != 0 {
		buf = strconv.AppendInt(append(buf, `,"dropped":`...), int64(e.Dropped), 10)
	}
	if e.Error != nil {
		buf = appendJSON(append(buf, `,"error":`...), e.Error)
	}
	if e.Origin != nil {
		buf = appendJSON(append(buf, `,"origin":`...), e.Origin)
	}
	if e.Unknown {
		buf = append(buf, `,"unknown":true`...)
	}
	if len(e.Sensitive) > 0 {
		buf = appendJSON(append(buf, `,"sensitive":`...), e.Sensitive)
	}
	if e.Reads {
		buf = append(buf, `,"reads":true`...)
	}
	if !e.RetryAt.IsZero() {
		buf = append(buf, `,"retryAt":"`...)
		buf = e.RetryAt.UTC().AppendFormat(buf, time.RFC3339Nano)
		buf = append(buf, '"')
	}
	if e.Status != "" {
		buf = append(buf, `,"status":"`...)
		buf = append(buf, e.Status...)
		buf = append(buf, '"')
	}
	if e.Awaited {
		buf = append(buf, `,"awaited":true`...)
	}
	if e.Parent {
		buf = append(buf, `,"parent":true`...)
	}
	return append(buf, '}')
}
