package resource

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// Filter chooses objects of a type.
type Filter struct {
	Kind string
	// Equal maps fields, dotted where they are nested, to the text that they hold.
	Equal map[string]string
	// Keep has the last word; nil keeps all. It may not use the Tx.
	Keep func(Object) bool
	// OldestFirst turns the order round, which is newest first.
	OldestFirst bool
}

// Each calls a function with the stored objects that a filter chooses, while it
// returns true. The function may not use the Tx: collect first, then change.
func (t *Tx) Each(f Filter, each func(Object) bool) {
	t.scan(f, func(_ int64, o Object) bool { return each(o) })
}

// All returns the stored objects that a filter chooses.
func (t *Tx) All(f Filter) []Object {
	all := []Object{}
	t.Each(f, func(o Object) bool { all = append(all, o); return true })
	return all
}

func (t *Tx) scan(f Filter, each func(place int64, o Object) bool) {
	t.scanBetween(f, 0, 0, each)
}

func (t *Tx) scanBetween(f Filter, after, before int64, each func(place int64, o Object) bool) {
	scan := store.Scan{Account: t.account, Kind: f.Kind, Equal: f.Equal, OldestFirst: f.OldestFirst, After: after, Before: before}
	t.state.Scan(scan, func(place int64, data []byte) bool {
		o := t.decode(data)
		if f.Keep != nil && !f.Keep(o) {
			return true
		}
		return each(place, o)
	})
}

const (
	defaultPage = 10
	maxPage     = 100
)

// page reads "limit" (https://docs.stripe.com/api/pagination).
func page(r *Request) (int, *Refusal) {
	if !r.Params.Has("limit") {
		return defaultPage, nil
	}
	limit := r.Params.Int("limit")
	switch {
	case limit < 1:
		return 0, Invalid("limit", "parameter_invalid_integer", "This value must be greater than or equal to 1.")
	case limit > maxPage:
		return 0, Invalid("limit", "parameter_invalid_integer", "This value must be less than or equal to %d (it currently is '%d').", maxPage, limit)
	}
	return int(limit), nil
}

// List returns a page of the stored objects that a filter chooses, by the request's
// limit, starting_after, ending_before and created. All other params are the
// operation's: Params turns those that equal a field into a filter.
func (t *Tx) List(r *Request, f Filter) (Object, *Refusal) {
	limit, refusal := page(r)
	if refusal != nil {
		return nil, refusal
	}
	after, before := r.Params.Text("starting_after"), r.Params.Text("ending_before")
	var newer, older int64
	switch {
	case after != "" && before != "":
		return nil, Invalid("", "parameter_invalid", "You may only specify one of these parameters: starting_after, ending_before.")
	case after != "":
		older, refusal = t.place(f.Kind, after, "starting_after")
	case before != "":
		newer, refusal = t.place(f.Kind, before, "ending_before")
		f.OldestFirst = true
	}
	if refusal != nil {
		return nil, refusal
	}
	within, refusal := Within(r.Params, "created")
	if refusal != nil {
		return nil, refusal
	}
	data, more := []any{}, false
	t.scanBetween(f, newer, older, func(_ int64, o Object) bool {
		if !within(o.Int("created")) {
			return true
		}
		if more = len(data) == limit; more {
			return false
		}
		data = append(data, o)
		return true
	})
	if before != "" {
		for i, j := 0, len(data)-1; i < j; i, j = i+1, j-1 {
			data[i], data[j] = data[j], data[i]
		}
	}
	return Object{"object": "list", "data": data, "has_more": more, "url": r.Path}, nil
}

func (t *Tx) place(kind, id, param string) (int64, *Refusal) {
	place, ok := t.state.Place(t.account, kind, id)
	if !ok {
		return 0, Missing(kind, id, param)
	}
	return place, nil
}

// Within reads a param that is a time, or bounds of it, such as "created".
func Within(params Object, param string) (func(at int64) bool, *Refusal) {
	if bounds := params.Object(param); bounds != nil {
		for name := range bounds {
			if !strings.Contains(" gt gte lt lte ", " "+name+" ") {
				return nil, Invalid(param+"["+name+"]", "parameter_unknown", "Received unknown parameter: %s[%s]", param, name)
			}
		}
		return func(at int64) bool {
			return (!bounds.Has("gt") || at > bounds.Int("gt")) && (!bounds.Has("gte") || at >= bounds.Int("gte")) &&
				(!bounds.Has("lt") || at < bounds.Int("lt")) && (!bounds.Has("lte") || at <= bounds.Int("lte"))
		}, nil
	}
	if params.Has(param) {
		return func(at int64) bool { return at == params.Int(param) }, nil
	}
	return func(int64) bool { return true }, nil
}

// ByParams is a filter for the objects of a type whose fields equal the params of the
// same names, where these are given.
func ByParams(kind string, r *Request, names ...string) Filter {
	f := Filter{Kind: kind, Equal: map[string]string{}}
	var bools []string
	for _, name := range names {
		switch r.Params[name].(type) {
		case string:
			f.Equal[name] = r.Params.Text(name)
		case bool:
			bools = append(bools, name)
		}
	}
	if bools != nil {
		f.Keep = func(o Object) bool {
			for _, name := range bools {
				if o.Bool(name) != r.Params.Bool(name) {
					return false
				}
			}
			return true
		}
	}
	return f
}

// Sublist is a list inside an object, such as the refunds of a charge: its newest ten.
func (t *Tx) Sublist(f Filter, url string) Object {
	list, _ := t.List(&Request{Path: url, Params: Object{}}, f)
	return list
}

// Lister is the operation that lists a type by params that equal fields.
func Lister(kind string, names ...string) Operation {
	return func(t *Tx, r *Request) (Object, *Refusal) { return t.List(r, ByParams(kind, r, names...)) }
}

// Getter is the operation that returns one object of a type.
func Getter(kind string) Operation {
	return func(t *Tx, r *Request) (Object, *Refusal) { return t.Subject(r, kind) }
}

// Sums sums up an integer field of the objects of a type by two text fields.
func (t *Tx) Sums(kind, field, by, andBy string) []store.Sum {
	return t.state.Sums(t.account, kind, field, [2]string{by, andBy})
}
