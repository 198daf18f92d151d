package openapi

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Getters returns the operations that read one object of a type, such as "customer", the
// best first: those by the id of the object, those with the fewest names in the path,
// those that are not deprecated and are named as the type is.
func (d *Description) Getters(object string) ([]*Operation, error) {
	index, err := d.getters()
	return index[object], err
}

// ByID reports whether the path ends with a name, that of the object's id.
func (o *Operation) ByID() bool { return strings.HasSuffix(o.path, "}") }

// readsOne reports whether the path alone says what is read. An operation without a name
// in its path reads the only one of its kind, unless a query says more.
func (o *Operation) readsOne() bool {
	if strings.Contains(o.path, "{") {
		return true
	}
	params, err := o.Params()
	if err != nil {
		return false
	}
	for name := range params.where {
		if name != "expand" {
			return false
		}
	}
	return true
}

// readGetters is what Getters chooses from, by the type of the object.
func (d *Description) readGetters() (map[string][]*Operation, error) {
	definitions, err := d.definitions()
	if err != nil {
		return nil, err
	}
	index := make(map[string][]*Operation)
	for _, id := range d.ids {
		o := d.operations[id]
		if !o.Reads() || o.responses == nil || !pathPattern.MatchString(o.path) || !o.readsOne() {
			continue
		}
		names, err := returned(o.responses)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			index[name] = append(index[name], o)
			if definitions[name] == nil {
				continue
			}
			// What is one of several, such as a payment source, is each of them.
			kinds, err := references(definitions[name], false)
			if err != nil {
				return nil, err
			}
			for _, kind := range kinds {
				index[kind] = append(index[kind], o)
			}
		}
	}
	for object, operations := range index {
		named, _, _ := strings.Cut(object, ".")
		slices.SortStableFunc(operations, func(a, b *Operation) int {
			return cmp.Or(
				-compareBool(a.ByID(), b.ByID()), cmp.Compare(len(a.PathNames()), len(b.PathNames())), compareBool(a.deprecated, b.deprecated),
				-compareBool(strings.Contains(a.path, "/"+named), strings.Contains(b.path, "/"+named)), cmp.Compare(len(a.path), len(b.path)), cmp.Compare(a.path, b.path),
			)
		})
	}
	return index, nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// returned names the schemas of a successful response in JSON.
func returned(responses jsontext.Value) ([]string, error) {
	at := responses
	for _, name := range []string{"200", "content", contentTypeJSON, "schema"} {
		inner, err := member(at, name)
		if err != nil || inner == nil {
			return nil, err
		}
		at = inner
	}
	return references(at, true)
}

// references names the schemas that a schema refers to: itself, or any of several.
func references(schema jsontext.Value, itself bool) ([]string, error) {
	var names []string
	err := eachMember(schema, func(name string, value jsontext.Value) error {
		switch name {
		case "$ref":
			if !itself {
				return nil
			}
			to, err := text(value)
			if local, ok := strings.CutPrefix(to, "#/components/schemas/"); ok {
				names = append(names, local)
			}
			return err
		case "anyOf", "oneOf":
			return eachItem(value, func(one jsontext.Value) error {
				inner, err := references(one, true)
				names = append(names, inner...)
				return err
			})
		}
		return nil
	})
	return names, err
}
