package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk/value"
)

// AddFiltered records an event that has no run, with what its actions would see, under
// the condition of Event.Once. Errors: *engine.DuplicateError, engine.ErrTooLarge, those
// that match state.ErrUnavailable.
func (l *Log) AddFiltered(ctx context.Context, e Event, content []byte, roots map[string]value.Doc) error {
	e.Filtered, e.RunID = true, ""
	once := e.Once(content)
	err := l.store.Commit(ctx, append(once.Ops(), state.Put(layout.BucketEventRoots, once.Key, encodeRoots(roots), TTL))...)
	if duplicate := once.Duplicate(ctx, l.store, err); duplicate != nil {
		return duplicate
	}
	if refused, ok := errors.AsType[*state.RefusedError](err); ok {
		return fmt.Errorf("%w: %w", engine.ErrTooLarge, refused)
	}
	if err != nil {
		return fmt.Errorf("event: record a filtered event: %w", err)
	}
	return nil
}

// Roots returns what the actions of a filtered event would see; nil where it is not
// kept any more.
func (l *Log) Roots(ctx context.Context, webhook, id string) (map[string]value.Doc, error) {
	found, err := l.store.Get(ctx, state.Ref{Bucket: layout.BucketEventRoots, ID: recordID(webhook, id)})
	if err != nil {
		return nil, fmt.Errorf("event: roots of %s: %w", id, err)
	}
	if found[0] == nil {
		return nil, nil
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(found[0], &raw); err != nil {
		return nil, fmt.Errorf("event: roots of %s: %w", id, err)
	}
	roots := make(map[string]value.Doc, len(raw))
	for name, root := range raw {
		if roots[name], err = value.ParseDoc(root); err != nil {
			return nil, fmt.Errorf("event: root %s of %s: %w", name, id, err)
		}
	}
	return roots, nil
}

func encodeRoots(roots map[string]value.Doc) []byte {
	raw := make(map[string]json.RawMessage, len(roots))
	for name, root := range roots {
		raw[name] = root.Raw()
	}
	// Documents are JSON. Numbers and texts stay as they are written but for the white
	// space between them.
	encoded, _ := json.Marshal(raw)
	return encoded
}
