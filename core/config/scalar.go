package config

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/sdk/suggest"
)

// check returns what is wrong with a string, and a hint what to do about it. Both
// are empty where nothing is wrong.
type check func(s string) (problem, hint string)

// anyText is the check that accepts every string.
func anyText(string) (problem, hint string) { return "", "" }

func checkNotEmpty(s string) (problem, hint string) {
	if s == "" {
		return "the string is empty", ""
	}
	return "", ""
}

// text declares a string without placeholders. typ is the word of the reference.
func text(typ string, valid check) schema[string] {
	return schema[string]{
		description: description{typ: typ, jsonSchema: map[string]any{"type": "string"}},
		decode: func(v value, into *string) {
			if !v.expect(String, "a string") || !v.plain() {
				return
			}
			if problem, hint := valid(v.node.Text); problem != "" {
				v.fault(hint, "%s", problem)
				return
			}
			*into = v.node.Text
		},
	}
}

// oneOf declares a string that is one of a few words.
func oneOf(words ...string) schema[string] {
	named := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	return schema[string]{
		description: description{typ: "string", jsonSchema: map[string]any{"type": "string", "enum": words}},
		decode: func(v value, into *string) {
			if !v.expect(String, "a string") {
				return
			}
			if !slices.Contains(words, v.node.Text) {
				v.fault(suggest.Hint(v.node.Text, named), "unknown value %q", clip(v.node.Text))
				return
			}
			*into = v.node.Text
		},
	}
}

// expandedText declares a string in which placeholders are expanded, and
// that is not a secret by itself.
func expandedText(typ string, valid check) schema[string] {
	return schema[string]{
		description: description{typ: typ, jsonSchema: map[string]any{"type": "string"}, secret: true},
		decode: func(v value, into *string) {
			if !v.expect(String, "a string") {
				return
			}
			s, ok := v.expand(false)
			if !ok {
				return
			}
			if problem, hint := valid(s.value); problem != "" {
				v.fault(hint, "%s", problem)
				return
			}
			*into = s.value
		},
	}
}

// parsed declares a string that read, a function of package access, turns into a
// T. declare is text or expandedText.
func parsed[T any](declare func(string, check) schema[string], typ string, read func(string) (T, error)) schema[T] {
	s := declare(typ, func(s string) (problem, hint string) {
		_, err := read(s)
		if wrong := (*access.SyntaxError)(nil); errors.As(err, &wrong) {
			return wrong.Message, wrong.Hint
		}
		return "", ""
	})
	return schema[T]{
		description: s.description,
		decode: func(v value, into *T) {
			var written string
			if s.decode(v, &written); written != "" {
				*into, _ = read(written) // the check has read it, and refuses an empty string
			}
		},
	}
}

// secretText declares a string that is a secret, whether it holds placeholders
// or not. It is neither empty nor surrounded by white space. What valid returns
// must not quote it.
func secretText(valid check) schema[Secret] {
	return schema[Secret]{
		description: description{typ: "secret", jsonSchema: map[string]any{"type": "string", "minLength": 1}, secret: true},
		decode: func(v value, into *Secret) {
			if !v.expect(String, "a string") {
				return
			}
			s, ok := v.expand(false)
			if !ok {
				return
			}
			if problem, hint := checkSecret(s.value); problem != "" {
				v.fault(hint, "the value is %s", problem)
				return
			}
			if problem, hint := valid(s.value); problem != "" {
				v.fault(hint, "%s", problem)
				return
			}
			v.remember(s.value)
			*into = NewSecret(s.value)
		},
	}
}

// boolean declares true or false.
func boolean() schema[bool] {
	return schema[bool]{
		description: description{typ: "boolean", jsonSchema: map[string]any{"type": "boolean"}},
		decode: func(v value, into *bool) {
			if v.expect(Bool, "true or false") {
				*into = v.node.Text == "true"
			}
		},
	}
}

// integer declares a whole number between two bounds, written without fraction
// and exponent.
func integer[T int | int64](least, most T) schema[T] {
	return schema[T]{
		description: description{typ: "integer", jsonSchema: map[string]any{"type": "integer", "minimum": least, "maximum": most}},
		decode: func(v value, into *T) {
			if !v.expect(Number, "an integer") {
				return
			}
			i, err := strconv.ParseInt(v.node.Text, 10, 64)
			switch {
			case err != nil:
				v.fault("whole numbers are written with digits alone", "expected an integer, found another number")
			case i < int64(least) || i > int64(most):
				v.fault("", "must be from %d to %d", least, most)
			default:
				*into = T(i)
			}
		},
	}
}

// duration declares a positive length of time.
func duration() schema[time.Duration] {
	const expected = `a duration such as "30s"`
	return schema[time.Duration]{
		description: description{typ: "duration", jsonSchema: map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}},
		decode: func(v value, into *time.Duration) {
			if !v.expect(String, expected) || !v.plain() {
				return
			}
			d, err := time.ParseDuration(v.node.Text)
			switch {
			case err != nil:
				v.fault("units are h, m, s, ms, us, ns, as in 1h30m or 500ms", "not a duration")
			case d <= 0:
				v.fault("", "a duration must be above zero")
			default:
				*into = d
			}
		},
	}
}

// ipRange declares a range of IP addresses, or one address.
func ipRange() schema[netip.Prefix] {
	return schema[netip.Prefix]{
		description: description{typ: "CIDR range", jsonSchema: map[string]any{"type": "string"}},
		decode: func(v value, into *netip.Prefix) {
			if !v.expect(String, "a range of addresses in a string") || !v.plain() {
				return
			}
			if addr, err := netip.ParseAddr(v.node.Text); err == nil && addr.Zone() == "" {
				addr = addr.Unmap()
				*into = netip.PrefixFrom(addr, addr.BitLen())
				return
			}
			p, err := netip.ParsePrefix(v.node.Text)
			if err != nil {
				v.fault(`write it as in "10.0.0.0/8" or "192.0.2.1"`, "not a range of IP addresses")
				return
			}
			*into = p.Masked()
		},
	}
}
