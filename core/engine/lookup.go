package engine

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk/value"
)

// lookup is Engine.Lookup.
func (q *queries) lookup(ctx context.Context, ids []string) (map[string]Run, error) {
	records, err := q.reader.records(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[string]Run, len(ids))
	for i, rec := range records {
		switch {
		case rec.err != nil:
			found[ids[i]] = corruptView(member{id: ids[i]}, rec.err)
		case rec.runRecord != nil:
			found[ids[i]] = rec.view()
		}
	}
	return found, nil
}

// roots is Engine.Roots.
func (q *queries) roots(ctx context.Context, id string) (roots map[string]value.Doc, err error) {
	return roots, q.look(ctx, id, func(stored *storedRun) { roots = maps.Clone(stored.machine.Roots()) })
}

// withPrefix is Engine.WorkflowsWith.
func (r *reader) withPrefix(ctx context.Context, prefix string) (ids []string, err error) {
	for after := prefix; ; {
		members, err := r.store.Range(ctx, state.Range{Set: layout.SetWorkflows, After: after, Limit: page})
		if err != nil {
			return nil, fmt.Errorf("engine: list workflows: %w", err)
		}
		for _, id := range members {
			if !strings.HasPrefix(id, prefix) {
				return ids, nil
			}
			ids = append(ids, id)
		}
		if len(members) < page {
			return ids, nil
		}
		after = members[len(members)-1]
	}
}
