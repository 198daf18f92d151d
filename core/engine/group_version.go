package engine

import (
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// Runs that others bound are counted in groups: those of a workflow or of one of its
// concurrency keys, of an order, of a lane. The active ones are members of a set, added
// under a record of the group, its version, that each admission changes: so two
// processes cannot admit a run each into the last place. Whatever may let a run be
// admitted, a run that begins to wait or a place that becomes free, sets the group's
// timer and changes another record, its wakeup, both whatever they were. The timer is
// cleared only under the wakeup that was read before the group was: none is missed. A
// run that begins to wait keeps no admission from going on, however many do.

// groupVersionTTL is how long a version or a wakeup is kept after it was last changed.
// Without one, the first that changes it makes it.
const groupVersionTTL = 24 * time.Hour

// advanceVersion makes a commit fail if the group's version is not the given one,
// and changes it; nil is that of a group without one.
func advanceVersion(group string, version []byte) []state.Op {
	return []state.Op{requireVersion(group, version), bumpVersion(group)}
}

// requireVersion makes a commit fail if the group's version is not the given one.
func requireVersion(group string, version []byte) state.Op {
	if version == nil {
		return state.Insert(layout.BucketGroupVersion, group, []byte(NewRunID()), groupVersionTTL)
	}
	return state.RequireValue(layout.BucketGroupVersion, group, version)
}

// bumpVersion changes the group's version whatever it is: a process that is about
// to change it has to look again.
func bumpVersion(group string) state.Op {
	return state.Put(layout.BucketGroupVersion, group, []byte(NewRunID()), groupVersionTTL)
}

// lookAt has a group be looked at.
func lookAt(group string) []state.Op {
	return []state.Op{state.Put(layout.BucketGroupWakeup, group, []byte(NewRunID()), groupVersionTTL), state.SetTimerAfter(layout.QueueGroup, group, 0)}
}

// requireWakeup makes a commit fail if the group is to be looked at since its wakeup was
// read; nil is that of a group without one.
func requireWakeup(group string, wakeup []byte) state.Op {
	if wakeup == nil {
		return state.Insert(layout.BucketGroupWakeup, group, []byte(NewRunID()), groupVersionTTL)
	}
	return state.RequireValue(layout.BucketGroupWakeup, group, wakeup)
}
