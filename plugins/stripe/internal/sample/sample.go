// Package sample makes sample events as Stripe sends them to webhooks: of every type
// that the API version has. Their objects are those of Stripe's own fixtures
// (stripe-mock), brought into the state that the event is about by living through
// what comes before it.
//
// The package imports plugins/stripe/internal/random and sdk/suggest.
package sample

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/backflow/backflow/sdk/suggest"
)

// apiVersion is that of the fixtures.
const apiVersion = "2023-10-16"

type object = map[string]any

// Event makes an event with new ids, created at now. Set overrides its fields:
// dotted paths to JSON values (see assign).
func Event(eventType string, set map[string]string, now time.Time) ([]byte, error) {
	stages, named, err := stages(eventType)
	if err != nil {
		return nil, err
	}
	events, err := live(stages[:named+1], now)
	if err != nil {
		return nil, err
	}
	return write(events[named], set)
}

// Chain makes a life cycle that has an event of the type in it, the oldest event
// first, the last one created at now. Each event tells of the same objects. Set
// overrides fields of the one event that was asked for.
func Chain(eventType string, set map[string]string, now time.Time) ([][]byte, error) {
	stages, named, err := stages(eventType)
	if err != nil {
		return nil, err
	}
	events, err := live(stages, now)
	if err != nil {
		return nil, err
	}
	written := make([][]byte, len(events))
	for i, event := range events {
		var own map[string]string
		if i == named {
			own = set
		}
		if written[i], err = write(event, own); err != nil {
			return nil, err
		}
	}
	return written, nil
}

// stages returns the life cycle of a type, and the place in it of the event that was
// asked for.
func stages(eventType string) (stages []stage, named int, err error) {
	if !slices.Contains(Types(), eventType) {
		return nil, 0, unknown(eventType)
	}
	stages, named = chain(eventType)
	return stages, named, nil
}

// live makes the events of a life cycle, the last one created at now.
func live(stages []stage, now time.Time) ([]object, error) {
	d, err := describe()
	if err != nil {
		return nil, err
	}
	for _, s := range stages[1:] {
		now = now.Add(-s.gap)
	}
	w := &world{description: d, now: now, ids: map[string]string{}, objects: map[string]object{}}
	events := make([]object, len(stages))
	for i, s := range stages {
		if i > 0 {
			w.now = w.now.Add(s.gap)
		}
		if events[i], err = w.event(s); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// unknown says that there is no such type, and which was meant.
func unknown(eventType string) error {
	hint := suggest.Nearest(eventType, Types())
	if hint == "" {
		return fmt.Errorf("Stripe's API version %s has no event of type %q; it has %d types, as in payment_intent.succeeded", apiVersion, eventType, len(Types()))
	}
	return fmt.Errorf("Stripe's API version %s has no event of type %q; did you mean %q?", apiVersion, eventType, hint)
}

// write puts what was asked for into an event.
func write(event object, set map[string]string) ([]byte, error) {
	// Sorted, so that a path and one below it always come in that order.
	for _, path := range slices.Sorted(maps.Keys(set)) {
		if err := assign(event, path, set[path]); err != nil {
			return nil, err
		}
	}
	return json.Marshal(event)
}
