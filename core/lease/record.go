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

// ofNode lists the leases of a node.
func ofNode(ctx context.Context, store state.Store, node string) ([]string, error) {
	var found []string
	for after := ""; ; {
		ids, err := store.Range(ctx, state.Range{Set: layout.SetLeases, After: after, Limit: pageSize})
		if err != nil || len(ids) == 0 {
			return found, err
		}
		after = ids[len(ids)-1]
		refs := make([]state.Ref, len(ids))
		for i, id := range ids {
			refs[i] = state.Ref{Bucket: layout.BucketLease, ID: id}
		}
		values, err := store.Get(ctx, refs...)
		if err != nil {
			return nil, err
		}
		for i, raw := range values {
			if raw == nil {
				continue // released between the two reads
			}
			r, err := decode(raw)
			if err != nil {
				return nil, fmt.Errorf("lease %s: %w", ids[i], err)
			}
			if r.Node == node {
				found = append(found, ids[i])
			}
		}
	}
}
