package destination

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// recordVersion is the version of the format of what is stored.
const recordVersion = 1

// State is whether messages are sent to a destination.
type State string

// The states of a destination.
const (
	StateEnabled  State = "enabled"
	StateDisabled State = "disabled" // its messages are held
	// StateProbing: one held message is sent to see whether the destination works again;
	// all others are held.
	StateProbing State = "probing"
	// StateReleasing: it works again, and the messages that were held are handed to
	// their runs. New ones go behind them.
	StateReleasing State = "releasing"
)

// Code says why a destination is disabled.
type Code string

// Why a destination is disabled.
const (
	CodeGone    Code = "gone"    // it has responded with 410
	CodeFailing Code = "failing" // everything failed for too long
	CodeByHand  Code = "by_hand" // a caller disabled it
	CodeProbe   Code = "probe"   // the message that probed it has failed
)

// condition is what all processes know of a destination. A destination without a
// record is enabled, and nothing has failed since it last took a message.
type condition struct {
	Version int   `json:"v"`
	State   State `json:"state"`
	// Code, Reason and Since are those of a state that is not StateEnabled.
	Code   Code      `json:"code,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// Settled: what waited for its next attempt when it was disabled is held too.
	Settled bool `json:"settled,omitempty"`
	// Health is about the attempts since it last took a message.
	Health health `json:"health,omitzero"`
	// Probe is the id of the message that probes it, and ProbeRun its run.
	Probe    string `json:"probe,omitempty"`
	ProbeRun string `json:"probeRun,omitempty"`
	// Lease is that of the process that settles or releases.
	Lease string `json:"lease,omitempty"`
	// Revision makes each record differ from all before.
	Revision int64 `json:"revision"`
}

// holds reports whether a message must wait, whose run is not that of the probe.
func (c *condition) holds() bool { return c.State == StateDisabled || c.State == StateProbing }

// known is a condition with its record as it is stored, nil where none is.
type known struct {
	condition
	data []byte
}

func readCondition(name string, data []byte) (known, error) {
	k := known{condition{State: StateEnabled}, data}
	if data == nil {
		return k, nil
	}
	if err := json.Unmarshal(data, &k.condition); err != nil || k.Version != recordVersion {
		return k, fmt.Errorf("destination: the record of %s has format %d, this program reads %d: %w", name, k.Version, recordVersion, state.ErrCorrupt)
	}
	return k, nil
}

// unchanged is the condition of a commit that needs the record as it was read.
func (k known) unchanged(name string) []state.Op {
	if k.data == nil {
		return nil // one that is made at the same moment is found by the run
	}
	return []state.Op{state.RequireValue(layout.BucketDestination, name, k.data)}
}

// replace returns the ops that put a condition in the place of the one that was read.
func (k known) replace(name string, next condition) []state.Op {
	next.Version, next.Revision = recordVersion, k.Revision+1
	encoded := encode(next)
	if k.data == nil {
		return []state.Op{state.Insert(layout.BucketDestination, name, encoded, 0)}
	}
	return append(k.unchanged(name), state.Put(layout.BucketDestination, name, encoded, 0))
}

// delivery is what is known of one message to one destination beside its run.
type delivery struct {
	Version int    `json:"v"`
	ID      string `json:"id"`
	Type    string `json:"type"`
	// At is when it was made; its microseconds place it among the others.
	At time.Time `json:"at"`
	// Run is the run that may send it: no other does.
	Run string `json:"run,omitempty"`
	// Held: it waits until the destination is enabled, and no run sends it. Reason says
	// why.
	Held   bool   `json:"held,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// member is the message's entry in the lists of its destination.
func (d *delivery) member() string { return memberOf(d.At, d.ID) }

// memberOf is an entry in the lists of a destination. Two messages of which one was
// durable before the other was made differ in their microseconds: a commit takes longer.
func memberOf(at time.Time, id string) string { return fmt.Sprintf("%016x/%s", at.UnixMicro(), id) }

func readDelivery(data []byte) (*delivery, error) {
	if data == nil {
		return nil, nil
	}
	d := &delivery{}
	if err := json.Unmarshal(data, d); err != nil || d.Version != recordVersion {
		return nil, fmt.Errorf("destination: the record of a message has format %d, this program reads %d: %w", d.Version, recordVersion, state.ErrCorrupt)
	}
	return d, nil
}

// publication is what is known of a message that was published.
type publication struct {
	Version      int       `json:"v"`
	At           time.Time `json:"at"`
	Sum          []byte    `json:"sum"` // of type and data
	Destinations []string  `json:"destinations"`
}

// recordID is the id of the records of a message to a destination. A name holds no
// slash, and so does an id.
func recordID(destination, id string) string { return destination + "/" + id }

func messagesOf(destination string) string { return layout.SetMessages + "/" + destination }

func heldOf(destination string) string { return layout.SetHeld + "/" + destination }

// encode writes a record. They have texts, numbers and times of this era only, which
// cannot fail.
func encode(record any) []byte {
	data, _ := json.Marshal(record)
	return data
}
