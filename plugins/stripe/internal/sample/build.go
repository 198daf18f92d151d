package sample

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
)

// build makes an object of a resource as it is when it comes into being: Stripe's
// own fixture of it, with the ids and the time of the world.
func (w *world) build(resource string) (object, error) {
	s := w.description.resources[resource]
	if s == nil {
		return nil, fmt.Errorf("Stripe's description has no object %q", resource)
	}
	fixture, found := w.description.fixtures[resource]
	if !found {
		fixture = w.description.synthesize(s, "")
	}
	template, ok := fixture.(object)
	if !ok {
		return nil, fmt.Errorf("Stripe's %q is not an object", resource)
	}
	o := w.renew(s, clone(template), false).(object)
	if before, has := template["id"].(string); has && !fixed[resource] && o["id"] == before {
		o["id"] = w.id(resource) // one that does not look like an id, as a coupon's
		retext(o, before, w.id(resource))
	}
	return o, nil
}

// renew puts what is of now and of this world in the place of what a fixture has:
// times, ids, and that nothing is live. Again says that the object is not the first
// of its kind in a list, so that its id is another one.
func (w *world) renew(s *schema, value any, again bool) any {
	s = w.description.branch(s, value)
	switch value := value.(type) {
	case object:
		before, _ := value["id"].(string)
		for name, member := range value {
			of := s.Properties[name]
			switch {
			case of == nil:
			case w.description.resolve(of).Format == "unix-time" && member != nil:
				if value[name] = w.seconds(); of.Nullable {
					value[name] = nil
				}
			case name == "livemode":
				value[name] = false
			case name == "id" && again:
				if text, ok := member.(string); ok && w.owner(text) != "" {
					value[name] = newID(text[:strings.LastIndex(text, "_")+1])
				}
			default:
				value[name] = w.renew(of, member, false)
			}
		}
		if after, _ := value["id"].(string); after != before {
			retext(value, before, after)
		}
		return value
	case []any:
		if s.Items != nil {
			for i := range value {
				value[i] = w.renew(s.Items, value[i], i > 0)
			}
		}
		return value
	case string:
		if owner := w.owner(value); owner != "" && len(s.Enum) == 0 {
			return w.id(owner)
		}
		return value
	default:
		return value
	}
}

// owner returns the resource that a text is an id of, or "".
func (w *world) owner(text string) string {
	longest := ""
	for prefix := range w.description.owners {
		if len(prefix) > len(longest) && strings.HasPrefix(text, prefix) {
			longest = prefix
		}
	}
	rest := strings.TrimPrefix(text, longest)
	if longest == "" || !strings.ContainsAny(rest, "0123456789") || strings.ContainsFunc(rest, func(r rune) bool { return !strings.ContainsRune(random.Alphabet, r) }) {
		return ""
	}
	return w.description.owners[longest]
}

// id returns the id of the world's one object of a resource.
func (w *world) id(resource string) string {
	if shared, ok := sharing[resource]; ok {
		resource = shared
	}
	if w.ids[resource] == "" {
		prefix := w.description.prefix(resource)
		if resource == "application" {
			prefix = "ca_"
		}
		w.ids[resource] = newID(prefix)
	}
	return w.ids[resource]
}

// retext puts an id into the place of another one in every text that holds it: in
// addresses and client secrets.
func retext(value any, before, after string) {
	switch value := value.(type) {
	case object:
		for name, member := range value {
			if text, ok := member.(string); ok && before != "" {
				value[name] = strings.ReplaceAll(text, before, after)
				continue
			}
			retext(member, before, after)
		}
	case []any:
		for _, item := range value {
			retext(item, before, after)
		}
	}
}

// clone copies a decoded JSON value.
func clone(value any) any {
	switch value := value.(type) {
	case object:
		copied := maps.Clone(value)
		for name, member := range copied {
			copied[name] = clone(member)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, item := range value {
			copied[i] = clone(item)
		}
		return copied
	default:
		return value
	}
}

// number writes an integer as decoded JSON has it.
func number(n int64) json.Number { return json.Number(fmt.Sprint(n)) }

// newID returns a new random id with Stripe's prefix and length.
func newID(prefix string) string { return prefix + random.Text(24) }
