package request

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/digest"
	"github.com/backflow/backflow/sdk/pointer"
)

// place is a value of the params, and the pointer to it. What is wrong with it is
// added to the faults that all places of one reading share. The zero value of what a
// method returns stands for a value that has a fault.
type place struct {
	*reading
	at   string
	json driver.JSON
}

// reading is one reading of params.
type reading struct{ faults []sdk.Fault }

// field is a member that an object may have.
type field struct {
	name     string
	required bool
	read     func(place)
}

func required(name string, read func(place)) field { return field{name, true, read} }
func optional(name string, read func(place)) field { return field{name, false, read} }

// readParams reads the params of an action, which stand at a pointer, strictly: names
// that are unknown or given twice, bytes that are not UTF-8 and lone surrogates are
// refused, where a lenient reader would store something else than what was sent. The
// error has every fault, up to failure.MaxFaults. check, which may be nil, looks at what
// is given as a whole.
func readParams(action, at string, params []byte, check func(p place, given map[string]driver.JSON), fields ...field) error {
	r := new(reading)
	p := place{r, at, params}
	given, ok := p.object(action+" has no param", "the param", fields...)
	if ok && check != nil {
		check(p, given)
	}
	if len(r.faults) == 0 {
		return nil
	}
	return failure.Invalid(r.faults...)
}

func (p place) fault(format string, args ...any) {
	if len(p.faults) < failure.MaxFaults {
		p.faults = append(p.faults, failure.Fault(p.at, format, args...))
	}
}

// below is a part of the value.
func (p place) below(name string, value driver.JSON) place {
	return place{p.reading, pointer.Join(p.at, name), value}
}

// object reads an object by its fields. unknown begins the message about another
// member, and missing that about one that is absent. It returns the members by name; ok
// is false if it is no object.
func (p place) object(unknown, missing string, fields ...field) (given map[string]driver.JSON, ok bool) {
	members, err := ReadObject(p.json)
	if err != nil {
		p.fault("%v", err)
		return nil, false
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	given = make(map[string]driver.JSON, len(members))
	for _, member := range members {
		given[member.Name] = member.Value
	}
	for _, member := range members {
		known := false
		for _, f := range fields {
			if known = f.name == member.Name; known {
				f.read(p.below(f.name, member.Value))
				break
			}
		}
		if !known {
			p.below(member.Name, nil).fault("%s %s%s", unknown, failure.Shown(member.Name), failure.Suggestion(member.Name, names))
		}
	}
	for _, f := range fields {
		if _, ok := given[f.name]; f.required && !ok {
			p.fault("%s %q is missing", missing, f.name)
		}
	}
	return given, true
}

// text reads a string.
func (p place) text() string {
	if p.json.Kind() != '"' {
		p.fault("must be a string")
		return ""
	}
	unquoted, err := jsontext.AppendUnquote(nil, p.json)
	if err != nil {
		p.fault("is not a valid string")
	}
	return string(unquoted)
}

// members reads an object of columns and values, in the order in which the caller wrote
// it.
func (p place) members() []Member {
	if p.json.Kind() != '{' {
		p.fault("must be an object of columns and values")
		return nil
	}
	members, err := ReadObject(p.json)
	if err != nil {
		p.fault("%v", err)
	}
	return members
}

// some is members, of which there has to be one.
func (p place) some(why string) []Member {
	members := p.members()
	if string(p.json) == "{}" {
		p.fault("must not be empty: %s", why)
	}
	return members
}

// items reads a list of at most a number of values.
func (p place) items(most int) []place {
	if p.json.Kind() != '[' {
		p.fault("must be a list")
		return nil
	}
	values, err := list(p.json)
	if err != nil {
		p.fault("%v", err)
		return nil
	}
	if len(values) > most {
		p.fault("has %d items; at most %d are allowed", len(values), most)
		return nil
	}
	places := make([]place, len(values))
	for i, value := range values {
		places[i] = p.below(strconv.Itoa(i), value)
	}
	return places
}

// maxNames is how many columns a list may name.
const maxNames = 1000

// names reads a list of names, each of them once.
func (p place) names() []string {
	var names []string
	for _, item := range p.items(maxNames) {
		name := item.text()
		if slices.Contains(names, name) {
			item.fault("is named twice")
		}
		names = append(names, name)
	}
	if string(p.json) == "[]" {
		p.fault("must not be empty")
	}
	return names
}

// integer reads an integer from least to most, also written 20.0 or 2e1.
func (p place) integer(least, most int64) int64 {
	if p.json.Kind() == '0' {
		if number, ok := exact.Parse(string(p.json)); ok {
			if value, ok := number.Int64(); ok && value >= least && value <= most {
				return value
			}
		}
	}
	p.fault("must be an integer from %d to %d", least, most)
	return least
}

// list returns the items of an array, each without white space.
func list(array driver.JSON) ([]driver.JSON, error) {
	decoder := jsontext.NewDecoder(strings.NewReader(string(array)))
	if _, err := decoder.ReadToken(); err != nil {
		return nil, fmt.Errorf("must be valid JSON: %w", err)
	}
	var values []driver.JSON
	for decoder.PeekKind() != ']' {
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("must be valid JSON: %w", err)
		}
		values = append(values, value.Clone())
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, fmt.Errorf("must be valid JSON: %w", err)
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be one JSON value and nothing after it")
	}
	return values, nil
}

// Digest tells a call of an action from others: it is the same for the same params, in
// whatever order and with whatever space they are written. Numbers count as they are
// written. The params have been read.
func Digest(action string, params []byte) string {
	canonical := driver.JSON(params).Clone()
	if err := canonical.Format(jsontext.ReorderRawObjects(true)); err != nil {
		canonical = params // it was read, so that this cannot be
	}
	return digest.Hex(action, string(canonical))
}
