package sample

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// world is what the events of one life cycle tell of: at most one object of each
// kind at a time, and how it is now. The ids in it are the same wherever an object
// names another one.
type world struct {
	description *description
	// now is the time of the event that is made.
	now     time.Time
	ids     map[string]string
	objects map[string]object
	// attempts counts the payments of the invoice that failed.
	attempts int64
}

// seconds is the time of the event, as Stripe writes it.
func (w *world) seconds() json.Number { return number(w.now.Unix()) }

// after is a time after that of the event.
func (w *world) after(d time.Duration) json.Number { return number(w.now.Add(d).Unix()) }

// has reports whether there is an object of a resource yet.
func (w *world) has(resource string) bool { return w.objects[resource] != nil }

// get returns the object of a resource, and makes it where there is none.
func (w *world) get(resource string) (object, error) {
	if o := w.objects[resource]; o != nil {
		return o, nil
	}
	o, err := w.build(resource)
	if err != nil {
		return nil, err
	}
	w.objects[resource] = o
	if begin := beginnings()[resource]; begin != nil {
		if err := begin(w, o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// drop forgets an object, so that the next one of its kind is another one.
func (w *world) drop(resource string) {
	delete(w.objects, resource)
	delete(w.ids, resource)
}

// event makes the next event of the life cycle.
func (w *world) event(s stage) (object, error) {
	resource, err := resourceOf(w.description, s.eventType)
	if err != nil {
		return nil, err
	}
	if slices.Contains(s.fresh, resource) {
		w.drop(resource)
	}
	o, err := w.get(resource)
	if err != nil {
		return nil, err
	}
	before := clone(o).(object)
	w.happen(s.eventType, resource, o)
	change := changes()[s.name]
	if change == nil {
		change = changes()[s.eventType]
	}
	if _, ok := o["metadata"]; ok && change == nil && showsPrevious(s.eventType) {
		// An update of which nothing more is known.
		o["metadata"] = object{"order_id": "6735"}
	}
	if change != nil {
		if err := change(w, o); err != nil {
			return nil, fmt.Errorf("sample of %s: %w", s.eventType, err)
		}
	}
	data := object{"object": clone(o)}
	if previous := difference(before, o); showsPrevious(s.eventType) && len(previous) > 0 {
		data["previous_attributes"] = previous
	}
	return object{
		"id": newID("evt_"), "object": "event", "api_version": apiVersion, "created": w.seconds(),
		"type": s.eventType, "data": data, "livemode": false, "pending_webhooks": number(1),
		"request": object{"id": newID("req_"), "idempotency_key": nil},
	}, nil
}

// showsPrevious reports whether an event says how the object was before: those of
// updates do (https://docs.stripe.com/api/events/object, data.previous_attributes).
func showsPrevious(eventType string) bool {
	return strings.HasSuffix(eventType, "updated") || eventType == "charge.refunded"
}

// happen does what the name of an event says by itself: its last word is a status
// of the object, or the member for its time.
func (w *world) happen(eventType, resource string, o object) {
	word := eventType[strings.LastIndex(eventType, ".")+1:]
	s := w.description.resources[resource]
	if status := s.Properties["status"]; status != nil {
		if slices.Contains(w.description.resolve(status).Enum, any(word)) {
			o["status"] = word
		}
	}
	if _, ok := o[word+"_at"]; ok {
		o[word+"_at"] = w.seconds()
	}
	if times, ok := o["status_transitions"].(object); ok {
		if _, ok := times[word+"_at"]; ok {
			times[word+"_at"] = w.seconds()
		}
	}
}

// difference returns the members of an object as they were, as far as they are
// another now; of objects that stayed objects, their members.
func difference(before, after object) object {
	previous := object{}
	for name, is := range after {
		was := before[name]
		if reflect.DeepEqual(was, is) {
			continue
		}
		wasObject, both := was.(object)
		isObject, ok := is.(object)
		if both && ok {
			previous[name] = difference(wasObject, isObject)
			continue
		}
		previous[name] = was
	}
	for name, was := range before {
		if _, ok := after[name]; !ok {
			previous[name] = was
		}
	}
	return previous
}
