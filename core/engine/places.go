package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// places are those that one commit takes in groups that drop what is over their
// limit. They are counted under the version of the group, which the commit
// requires: of two processes that find the same place free, one commits, and the
// other counts again. The zero value takes none.
type places struct {
	groups []groupPlaces
}

// groupPlaces are the places of one group.
type groupPlaces struct {
	group   string
	version []byte // when they were counted
	free    int
}

// take takes a place in a group. It returns false where none is free.
func (p *places) take(ctx context.Context, store state.Store, group string) (bool, error) {
	for i := range p.groups {
		if g := &p.groups[i]; g.group == group {
			g.free--
			return g.free >= 0, nil
		}
	}
	version, err := store.Get(ctx, state.Ref{Bucket: layout.BucketGroupVersion, ID: group})
	if err != nil {
		return false, fmt.Errorf("engine: limit: %w", err)
	}
	limit := parseGroup(group).limit
	free := limit
	for _, set := range []string{layout.SetActive + "/" + group, layout.SetThrottled + "/" + group} {
		members, err := store.Range(ctx, state.Range{Set: set, Limit: limit})
		if err != nil {
			return false, fmt.Errorf("engine: limit: %w", err)
		}
		free -= len(members)
	}
	p.groups = append(p.groups, groupPlaces{group: group, version: version[0], free: free - 1})
	return free > 0, nil
}

// conditions are those under which the places are still free.
func (p *places) conditions() []state.Op {
	var ops []state.Op
	for _, g := range p.groups {
		ops = append(ops, requireVersion(g.group, g.version))
	}
	return ops
}

// changed reports whether a commit failed because a group is not as it was when
// its places were counted: they are to be counted again.
func (p *places) changed(err error) bool {
	conflict, ok := errors.AsType[*state.ConflictError](err)
	if !ok {
		return false
	}
	for _, g := range p.groups {
		if conflict.Failed(requireVersion(g.group, g.version)) {
			return true
		}
	}
	return false
}
