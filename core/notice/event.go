package notice

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk/digest"
	"github.com/backflow/backflow/sdk/value"
)

// payload is what an event of the gateway holds.
type payload struct {
	ID        string          `json:"id"`
	Type      Type            `json:"type"`
	CreatedAt string          `json:"createdAt"`
	Data      json.RawMessage `json:"data"`
}

// raise makes an event of a notice for one hook, unless its cause has made another in
// the window.
func (n *Notices) raise(ctx context.Context, hook Hook, notice Notice, e entry) (outcome string, err error) {
	id := "gw_" + digest.Hex(e.member, string(notice.Type), notice.Cause)[:24]
	if hook.Window > 0 {
		first, err := n.openWindow(ctx, hook, notice, id)
		if err != nil || !first {
			return outcomeSuppressed, err
		}
	}
	body, err := json.Marshal(payload{ID: id, Type: notice.Type, CreatedAt: e.at.Format(value.TimeFormat), Data: dataOf(notice)})
	if err != nil {
		return "", err
	}
	_, err = hook.Intake.Take(ctx, webhook.Arrival{
		Event:   event.Event{ID: id, Type: string(notice.Type), Size: len(body), Source: event.SourceBackflow},
		Payload: body,
	})
	var refusal *webhook.Refusal
	if errors.As(err, &refusal) {
		n.log.Error("no event can be made of what happened to the gateway", "webhook", hook.Name, "type", string(notice.Type), "reason", refusal.Reason)
		return outcomeRefused, nil
	}
	return outcomeRaised, err
}

// openWindow begins the window of a cause with an event. It returns false where
// another has begun it.
func (n *Notices) openWindow(ctx context.Context, hook Hook, notice Notice, id string) (first bool, err error) {
	ref := state.Ref{Bucket: layout.BucketNoticeWindow, ID: hook.Name + "/" + digest.Hex(string(notice.Type), notice.Cause)}
	insert := state.Insert(ref.Bucket, ref.ID, []byte(id), hook.Window)
	err = n.store.Commit(ctx, n.lease.Fence(), insert)
	if conflict, ok := errors.AsType[*state.ConflictError](err); !ok || !conflict.Failed(insert) {
		return err == nil, err
	}
	found, err := n.store.Get(ctx, ref)
	if err != nil {
		return false, err
	}
	return string(found[0]) == id, nil // a process that crashed has begun it for the same event
}

// dataOf returns what a notice says, an object.
func dataOf(notice Notice) json.RawMessage {
	if len(notice.Data) == 0 {
		return json.RawMessage("{}")
	}
	return notice.Data
}
