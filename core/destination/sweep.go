package destination

import (
	"context"
	"slices"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

const (
	// sweepInterval is how often some of the messages are looked at that may be removed.
	sweepInterval = 10 * time.Minute
	// maxSweepPages is how many pages of them are looked at each time.
	maxSweepPages = 100
)

// sweep removes messages whose run is not kept any more. A call looks at some of those
// that are old enough, and the next goes on behind it.
func (s *Service) sweep(ctx context.Context, name string) error {
	until := memberOf(s.now().Add(-keyLifetime), "")
	for range maxSweepPages {
		members, err := s.store.Range(ctx, state.Range{Set: messagesOf(name), After: s.sweeps[name], Limit: page})
		if err != nil {
			return err
		}
		old := slices.DeleteFunc(slices.Clone(members), func(member string) bool { return member >= until })
		if err := s.removeEnded(ctx, name, old); err != nil {
			return err
		}
		if len(old) < page {
			s.sweeps[name] = ""
			return nil
		}
		s.sweeps[name] = old[len(old)-1]
	}
	return nil
}

// removeEnded removes those of some messages that are not held and whose run is not
// kept any more.
func (s *Service) removeEnded(ctx context.Context, name string, members []string) error {
	records, err := s.records(ctx, name, members)
	if err != nil {
		return err
	}
	for i, member := range members {
		r := records[i]
		if r.kept || r.delivery != nil && r.delivery.Held {
			continue
		}
		id := recordID(name, idOf(member))
		ops := []state.Op{state.Remove(messagesOf(name), member), state.Delete(layout.BucketMessage, id)}
		if r.delivery != nil {
			ops = append(ops, state.RequireValue(layout.BucketDelivery, id, r.data), state.Delete(layout.BucketDelivery, id))
		}
		if again, err := s.commit(ctx, ops...); err != nil && !again {
			return err
		}
	}
	return nil
}

// storedRecord is the record of a message as it was read.
type storedRecord struct {
	*delivery // nil where there is none
	data      []byte
	kept      bool // its run is
}

// records reads the records of messages by their entries in the list, in their order.
func (s *Service) records(ctx context.Context, name string, members []string) ([]storedRecord, error) {
	if len(members) == 0 {
		return nil, nil
	}
	refs := make([]state.Ref, len(members))
	for i, member := range members {
		refs[i] = state.Ref{Bucket: layout.BucketDelivery, ID: recordID(name, idOf(member))}
	}
	found, err := s.store.Get(ctx, refs...)
	if err != nil {
		return nil, err
	}
	records := make([]storedRecord, len(members))
	for i := range members {
		records[i].data = found[i]
		if records[i].delivery, err = readDelivery(found[i]); err != nil {
			s.log.Error("a message cannot be read", "destination", name, "message", idOf(members[i]), "error", err)
		}
		refs[i] = state.Ref{Bucket: layout.BucketRun}
		if d := records[i].delivery; d != nil {
			refs[i].ID = d.Run
		}
	}
	runs, err := s.store.Get(ctx, refs...)
	if err != nil {
		return nil, err
	}
	for i := range members {
		records[i].kept = runs[i] != nil
	}
	return records, nil
}
