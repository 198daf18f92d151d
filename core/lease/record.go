package lease

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// formatVersion is the version of a lease's record.
const formatVersion = 1

// pageSize is how many leases are read at once.
const pageSize = 100

// record is what is stored of a lease.
type record struct {
	Version int    `json:"version"`
	Node    string `json:"node"`
}

func (r record) encode() []byte {
	raw, err := json.Marshal(r)
	if err != nil {
		panic(err) // a string and a number always encode
	}
	return raw
}

func decode(raw []byte) (record, error) {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return record{}, fmt.Errorf("read record: %w", err)
	}
	if r.Version != formatVersion {
		return record{}, fmt.Errorf("record has format %d, this version knows %d", r.Version, formatVersion)
	}
	return r, nil
}

// ofNode lists the leases of a node. One whose record cannot be read is passed over:
// should it be the node's, it expires.
func (l *Lease) ofNode(ctx context.Context, node string) ([]string, error) {
	var found []string
	for after := ""; ; {
		ids, err := l.store.Range(ctx, state.Range{Set: layout.SetLeases, After: after, Limit: pageSize})
		if err != nil || len(ids) == 0 {
			return found, err
		}
		after = ids[len(ids)-1]
		refs := make([]state.Ref, len(ids))
		for i, id := range ids {
			refs[i] = state.Ref{Bucket: layout.BucketLease, ID: id}
		}
		values, err := l.store.Get(ctx, refs...)
		if err != nil {
			return nil, err
		}
		for i, raw := range values {
			if raw == nil {
				continue // released between the two reads
			}
			r, err := decode(raw)
			if err != nil {
				l.logger.Warn("the lease of a process cannot be read", "lease", ids[i], "error", err)
				continue
			}
			if r.Node == node {
				found = append(found, ids[i])
			}
		}
	}
}
