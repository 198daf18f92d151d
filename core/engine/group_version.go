package engine

import (
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// Runs of a workflow with a limit are counted in groups: all of them, or those of
// one concurrency key. The active ones are members of a set, added under a record
// of the group, its version, that each admission changes: so two processes cannot
// admit a run each into the last place. The end of a run only removes its member,
// which can do no harm, and causes no conflict.

// groupVersionTTL is how long a version is kept after it was last changed. Without
// one, the first that changes it makes it.
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

// limitOf is how many runs of a group may be active at once.
func limitOf(group string) int {
	parts := strings.Split(group, "/")
	if len(parts) != 3 {
		return 1
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return 1
	}
	return n
}
