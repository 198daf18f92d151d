package notice

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// storeTimeout bounds one write of what was raised.
const storeTimeout = 10 * time.Second

// write stores what is raised, until the stop.
func (n *Notices) write() {
	for {
		select {
		case raised := <-n.raised:
			n.keep(raised)
		case <-n.stopping.Done():
			for {
				select {
				case raised := <-n.raised:
					n.keep(raised)
				default:
					return
				}
			}
		}
	}
}

// keep stores a notice.
func (n *Notices) keep(raised stored) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := n.store.Commit(ctx, append([]state.Op{n.lease.Fence()}, raised.Ops(raised.at)...)...); err != nil {
		n.log.Error("an event of the gateway could not be stored", "type", string(raised.Type), "cause", raised.Cause, "error", err)
	}
}

// work makes events of what is stored, until the stop.
func (n *Notices) work() {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-n.stopping.Done():
			return
		case <-ticker.C:
			n.outage.Note("make events of failed runs", n.drain(layout.SetFailures, n.ofRun))
			n.outage.Note("make events of what happened", n.drain(layout.SetNotices, n.ofRecord))
		}
	}
}

// entry is a member of one of the sets, TIME/ID.
type entry struct {
	set, member string
	at          time.Time
	id          string
}

// drain makes events of the members of a set, the oldest first, and removes them.
func (n *Notices) drain(set string, find func(context.Context, entry) ([]Notice, error)) error {
	for {
		members, err := n.store.Range(n.stopping, state.Range{Set: set, Limit: page})
		if err != nil {
			return n.unlessStopping(err)
		}
		for _, member := range members {
			if err := n.handle(entryOf(set, member), find); err != nil {
				return n.unlessStopping(err)
			}
		}
		if len(members) < page {
			return nil
		}
	}
}

// unlessStopping returns an error, nil where it is that of the stop.
func (n *Notices) unlessStopping(err error) error {
	if n.stopping.Err() != nil {
		return nil
	}
	return err
}

func entryOf(set, member string) entry {
	text, id, _ := strings.Cut(member, "/")
	ms, err := strconv.ParseInt(text, 16, 64)
	if err != nil {
		ms = 0
	}
	return entry{set: set, member: member, at: time.UnixMilli(ms).UTC(), id: id}
}

// handle makes events of one entry and removes it. After a crash between the two it
// is handled again: its events are known by then.
func (n *Notices) handle(e entry, find func(context.Context, entry) ([]Notice, error)) error {
	notices, err := find(n.stopping, e)
	if err != nil {
		return err
	}
	for _, notice := range notices {
		for _, hook := range n.wanting(notice.Type) {
			outcome, err := n.raise(n.stopping, hook, notice, e)
			if err != nil {
				return err
			}
			n.metrics.count(notice.Type, outcome)
		}
	}
	ops := []state.Op{n.lease.Fence(), state.Remove(e.set, e.member)}
	if e.set == layout.SetNotices {
		ops = append(ops, state.Delete(layout.BucketNotice, e.id))
	}
	return n.store.Commit(n.stopping, ops...)
}

// ofRecord returns the notice that an entry of SetNotices names.
func (n *Notices) ofRecord(ctx context.Context, e entry) ([]Notice, error) {
	found, err := n.store.Get(ctx, state.Ref{Bucket: layout.BucketNotice, ID: e.id})
	if err != nil || found[0] == nil {
		return nil, err
	}
	var notice Notice
	if err := json.Unmarshal(found[0], &notice); err != nil {
		n.log.Error("what happened to the gateway cannot be read, and makes no event", "id", e.id, "error", err)
		return nil, nil
	}
	return []Notice{notice}, nil
}
