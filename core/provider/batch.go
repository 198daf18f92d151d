package provider

import (
	"strings"

	"github.com/backflow/backflow/sdk/value"
)

// Some senders send several events in one request. It is one event of the gateway, and
// what follows says of which id and type.

// mixed is the type of a batch whose events are of several.
const mixed = "batch"

// eventsOf returns the events of a batch: those in the member of a name, or where the
// name is empty the elements of the array that the payload is.
func eventsOf(payload value.Doc, member string) []any {
	v := payload.Value()
	if object, ok := v.(map[string]any); ok && member != "" {
		v = object[member]
	}
	events, _ := v.([]any)
	return events
}

// batchType returns the type that all events have, else "batch"; of no event it is
// empty. The texts at several paths are joined by dots.
func batchType(events []any, paths ...string) string {
	common := ""
	for i, event := range events {
		texts := make([]string, 0, len(paths))
		for _, path := range paths {
			if text, ok := within(event, path); ok {
				texts = append(texts, text)
			}
		}
		switch text := strings.Join(texts, "."); {
		case i == 0:
			common = text
		case text != common:
			return mixed
		}
	}
	return common
}

// batchID returns the id of a batch by what its events have at some paths, in whatever
// else they differ from one delivery to the next: of one event with one path the text
// itself, else a digest. ok is false where there is no event, or one lacks a text.
func batchID(events []any, paths ...string) (id string, ok bool) {
	ids := make([]string, 0, len(events))
	for _, event := range events {
		texts := make([]string, len(paths))
		for i, path := range paths {
			if texts[i], ok = within(event, path); !ok {
				return "", false
			}
		}
		ids = append(ids, strings.Join(texts, "/"))
	}
	switch {
	case len(ids) == 0:
		return "", false
	case len(ids) == 1:
		return ids[0], true
	default:
		return digest([]byte(strings.Join(ids, "\n"))), true
	}
}
