package request

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/results"
	"github.com/backflow/backflow/sdk/value"
)

// filling puts results of operations into the params of a later one.
type filling struct {
	before []json.RawMessage
	// read are those that were needed, parsed.
	read []any
}

// fill returns a value that stands at a pointer, with what it takes from results.
func (f filling) fill(at string, v any) (any, error) {
	switch v := v.(type) {
	case string:
		return f.text(at, v)
	case []any:
		filled := make([]any, len(v))
		for i, item := range v {
			var err error
			if filled[i], err = f.fill(pointer.Join(at, strconv.Itoa(i)), item); err != nil {
				return nil, err
			}
		}
		return filled, nil
	case map[string]any:
		filled := make(map[string]any, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			var err error
			if filled[name], err = f.fill(pointer.Join(at, name), v[name]); err != nil {
				return nil, err
			}
		}
		return filled, nil
	}
	return v, nil
}

// text returns what a text stands for: itself, where it reads no result.
func (f filling) text(at, text string) (any, error) {
	ref, ok, err := results.Parse(text)
	if !ok {
		return text, nil
	}
	if err == nil && f.read[ref.Index] == nil {
		f.read[ref.Index], err = value.Parse(f.before[ref.Index])
	}
	if err != nil {
		return nil, failure.Invalid(failure.Fault(at, "%v", err))
	}
	found, err := ref.In(f.read)
	if err != nil {
		return nil, failure.Invalid(failure.Fault(at, "%v", err))
	}
	return found, nil
}
