package resource

import (
	"reflect"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// event is one that was made, for the listeners.
type event struct {
	kind, clock string
	object      Object
}

const (
	// Event is the type of events.
	Event = "event"
	// WebhookEndpoint is the type of webhook endpoints.
	WebhookEndpoint = "webhook_endpoint"
	// MaxEventsKept bounds the events that can be listed; older ones are forgotten.
	MaxEventsKept = 10_000
	// MaxDeliveries bounds the events that are on their way to one webhook; the oldest
	// are dropped. It is more than one advance makes of the timers that it may fire.
	MaxDeliveries = 200_000
)

// Emit makes an event that shows an object as it is now: put it first. The event is
// stored, is sent to the webhooks that want it, and is heard by the listeners of its
// type once the operation has returned.
func (t *Tx) Emit(kind string, o Object) { t.emit(kind, o, nil) }

// EmitUpdate makes an event that shows an object, and in previous_attributes what the
// fields that changed held before. Where nothing changed it makes none.
func (t *Tx) EmitUpdate(kind string, before, o Object) {
	if previous := difference(before.Clone(), o.Clone()); len(previous) > 0 {
		t.emit(kind, o, previous)
	}
}

// EmitChange makes an event as EmitUpdate does, but also where nothing changed.
func (t *Tx) EmitChange(kind string, before, o Object) {
	t.emit(kind, o, difference(before.Clone(), o.Clone()))
}

// difference returns what fields held before that hold something else now. Of
// objects only the parts that changed are shown, as Stripe does.
func difference(before, now Object) Object {
	previous := Object{}
	for name, value := range before {
		changed, ok := now[name]
		switch {
		case ok && reflect.DeepEqual(value, changed):
		case asObject(value) != nil && asObject(changed) != nil:
			if inner := difference(asObject(value), asObject(changed)); len(inner) > 0 {
				previous[name] = inner
			}
		default:
			previous[name] = value
		}
	}
	for name := range now {
		if !before.Has(name) {
			previous[name] = nil
		}
	}
	return previous
}

func (t *Tx) emit(kind string, o, previous Object) {
	if t.quiet || t.Err() != nil {
		return
	}
	shown := o.Clone()
	t.made = append(t.made, event{kind: kind, clock: t.clock, object: shown})
	data := Object{"object": shown}
	if previous != nil {
		data["previous_attributes"] = previous
	}
	asked := Object{"id": nil, "idempotency_key": nil}
	if t.request != nil {
		asked["id"] = t.request.ID
		if t.request.Key != "" {
			asked["idempotency_key"] = t.request.Key
		}
	}
	targets := t.targets(kind)
	made := Object{
		"id": "evt_" + random.Text(24), "object": Event, "api_version": t.env.Mock.Version(), "created": t.Now().Unix(),
		"type": kind, "data": data, "livemode": false, "pending_webhooks": len(targets), "request": asked,
	}
	if t.account != "" {
		made["account"] = t.account
	}
	raw := t.put(made)
	for _, target := range targets {
		t.state.AddDelivery(store.Delivery{Account: t.account, Event: made.ID(), Target: target, Since: t.real.UnixMilli(), At: t.real.UnixMilli(), Body: raw})
	}
}

// targets are the webhooks that want events of a type: those of the config, and
// the endpoints that were made in the account.
func (t *Tx) targets(kind string) []string {
	targets := append([]string(nil), t.env.Targets...)
	t.scan(Filter{Kind: WebhookEndpoint}, func(_ int64, endpoint Object) bool {
		if endpoint.Text("status") != "enabled" {
			return true
		}
		for _, wanted := range endpoint.Texts("enabled_events") {
			if wanted == "*" || wanted == kind {
				targets = append(targets, EndpointTarget(t.account, endpoint.ID()))
				break
			}
		}
		return true
	})
	return targets
}

// EndpointTarget names the target of a webhook endpoint.
func EndpointTarget(account, endpoint string) string { return "endpoint/" + account + "/" + endpoint }

// Pending counts the webhooks that an event has not reached yet.
func (t *Tx) Pending(event string) int64 { return t.state.Pending(event) }

// StopTarget drops what is on its way to a webhook endpoint.
func (t *Tx) StopTarget(target string) { t.state.StopTarget(target) }

// SplitEndpointTarget takes the name of a target apart; ok is false where it is not
// that of an endpoint.
func SplitEndpointTarget(target string) (account, endpoint string, ok bool) {
	rest, ok := strings.CutPrefix(target, "endpoint/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

// PendingEvents are the ids of the events that have not reached every webhook yet.
func (t *Tx) PendingEvents() map[string]bool { return t.state.PendingEvents() }
