package sample

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxIndex bounds the arrays that a path can make.
const maxIndex = 999

// decode reads one JSON value and nothing after it.
func decode(raw []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return value, nil
}

// assign puts a JSON value at a path such as data.object.items.data[0].price.id.
// Objects and array items that are missing on the way are made, an array grows
// with nulls, and whatever else is in the way is replaced.
func assign(root object, path, raw string) error {
	value, err := decode([]byte(raw))
	if err != nil {
		return fmt.Errorf("set %s: %q is not a JSON value (a string needs quotes): %w", path, raw, err)
	}
	steps, err := split(path)
	if err != nil {
		return err
	}
	put(root, steps, value)
	return nil
}

// step is a name of an object or, where name is empty, an index of an array.
type step struct {
	name  string
	index int
}

// split reads a path: names parted by dots, each followed by indices in brackets.
func split(path string) ([]step, error) {
	var steps []step
	for part := range strings.SplitSeq(path, ".") {
		name, rest, indexed := strings.Cut(part, "[")
		if name == "" {
			return nil, fmt.Errorf("set %s: a name is missing", path)
		}
		steps = append(steps, step{name: name})
		for indexed {
			var digits string
			var closed bool
			digits, rest, closed = strings.Cut(rest, "]")
			index, err := strconv.ParseUint(digits, 10, 32)
			if !closed || err != nil || index > maxIndex {
				return nil, fmt.Errorf("set %s: an index is a number from 0 to %d in brackets", path, maxIndex)
			}
			steps = append(steps, step{index: int(index)})
			if rest == "" {
				break
			}
			if !strings.HasPrefix(rest, "[") {
				return nil, fmt.Errorf("set %s: after an index comes a dot or another index", path)
			}
			rest = rest[1:]
		}
	}
	return steps, nil
}

// put returns what stands where at stood, with the value below it.
func put(at any, steps []step, value any) any {
	if len(steps) == 0 {
		return value
	}
	next := steps[0]
	if next.name != "" {
		o, ok := at.(object)
		if !ok {
			o = object{}
		}
		o[next.name] = put(o[next.name], steps[1:], value)
		return o
	}
	list, ok := at.([]any)
	if !ok {
		list = nil
	}
	for len(list) <= next.index {
		list = append(list, nil)
	}
	list[next.index] = put(list[next.index], steps[1:], value)
	return list
}
