package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Ref names an event.
type Ref struct {
	// ID is the sender's id of the event, or its UID.
	ID string
	// Webhook says which of several webhooks that have the sender's id is meant; empty
	// where one has.
	Webhook string
}

// Detail is all that is known of an event.
type Detail struct {
	View
	// Payload and Headers are what its actions see; nil where they are not kept any more.
	Payload, Headers json.RawMessage
}

// Get returns an event. Errors: ErrNotFound; *sdk.Error with CodeConflict where several
// webhooks have one of the sender's id.
func (s *Events) Get(ctx context.Context, ref Ref) (Detail, error) {
	e, err := s.find(ctx, ref)
	if err != nil {
		return Detail{}, err
	}
	views, err := s.views(ctx, []stored{e})
	if err != nil {
		return Detail{}, err
	}
	roots, err := s.rootsOf(ctx, &e.Event)
	if err != nil {
		return Detail{}, err
	}
	return Detail{View: views[0], Payload: roots["payload"].Raw(), Headers: roots["headers"].Raw()}, nil
}

// rootsOf returns what an event's actions see, nil where it is not kept any more.
func (s *Events) rootsOf(ctx context.Context, e *Event) (map[string]value.Doc, error) {
	if e.RunID == "" {
		return s.log.Roots(ctx, e.Webhook, e.ID)
	}
	roots, err := s.runs.Roots(ctx, e.RunID)
	if corrupt := (*engine.CorruptError)(nil); errors.Is(err, engine.ErrNotFound) || errors.As(err, &corrupt) {
		return nil, nil
	}
	return roots, err
}

// find returns the event of a Ref, as it is stored.
func (s *Events) find(ctx context.Context, ref Ref) (stored, error) {
	if e, err := s.findUID(ctx, ref); !errors.Is(err, ErrNotFound) {
		return e, err
	}
	webhooks := []string{ref.Webhook}
	if ref.Webhook == "" {
		ids, err := s.runs.WorkflowsWith(ctx, workflowPrefix)
		if err != nil {
			return stored{}, err
		}
		webhooks = ids
		for i, id := range ids {
			webhooks[i] = strings.TrimPrefix(id, workflowPrefix)
		}
	}
	ids := make([]string, len(webhooks))
	for i, webhook := range webhooks {
		ids[i] = recordID(webhook, ref.ID)
	}
	found, err := s.read(ctx, ids)
	switch {
	case err != nil:
		return stored{}, err
	case len(found) == 0:
		return stored{}, fmt.Errorf("%w: %s", ErrNotFound, ref.ID)
	case len(found) == 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, e := range found {
		names[i] = fmt.Sprintf("%s of webhook %s", e.UID(), e.Webhook)
	}
	return stored{}, sdk.Refuse(sdk.CodeConflict, "%d webhooks have an event of this id; name it by its uid: %s; or name the webhook in the query", len(found), strings.Join(names, ", "))
}

// findUID returns the event of a uid.
func (s *Events) findUID(ctx context.Context, ref Ref) (stored, error) {
	at, ok := uidTime(ref.ID)
	if !ok {
		return stored{}, ErrNotFound
	}
	moment := at.Format(TimeFormat)
	for after := moment; ; {
		members, err := s.store.Range(ctx, state.Range{Set: layout.SetEvents, After: after, Limit: readAtOnce})
		if err != nil {
			return stored{}, fmt.Errorf("event: find %s: %w", ref.ID, err)
		}
		for _, member := range members {
			if !strings.HasPrefix(member, moment+"/") {
				return stored{}, ErrNotFound
			}
			webhook, id, _ := strings.Cut(recordOf(member), "/")
			e := Event{Webhook: webhook, ID: id, ReceivedAt: at}
			if e.UID() != ref.ID || ref.Webhook != "" && webhook != ref.Webhook {
				continue
			}
			found, err := s.read(ctx, []string{recordOf(member)})
			if err != nil || len(found) == 1 {
				return firstOf(found), err
			}
			return stored{}, ErrNotFound
		}
		if len(members) < readAtOnce {
			return stored{}, ErrNotFound
		}
		after = members[len(members)-1]
	}
}

func firstOf(found []stored) stored {
	if len(found) == 0 {
		return stored{}
	}
	return found[0]
}
