package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/digest"
	"github.com/go-json-experiment/json/jsontext"
)

// insertParams are the params of insert.
type insertParams struct {
	table string
	// data is in the order in which the caller wrote it.
	data []namedValue
}

// namedValue is a member of an object; the value has no white space between
// its tokens, and is otherwise as the caller wrote it.
type namedValue struct {
	name  string
	value driver.JSON
}

// digest is the same for the same params, in whatever order and with whatever
// space they are written.
func (p insertParams) digest() string {
	sorted := slices.SortedFunc(slices.Values(p.data), func(a, b namedValue) int { return strings.Compare(a.name, b.name) })
	parts := []string{actionInsert, p.table}
	for _, given := range sorted {
		parts = append(parts, given.name, string(given.value))
	}
	return digest.Hex(parts...)
}

// readInsertParams reads params that the gateway has checked against the
// schema, strictly: names given twice, bytes that are not UTF-8 and lone
// surrogates are refused, where a lenient reader would store something else
// than what was sent.
func readInsertParams(params []byte) (insertParams, error) {
	var read insertParams
	members, err := readObject(params)
	if err != nil {
		return read, invalid(sdk.Fault{Message: err.Error()})
	}
	var faults []sdk.Fault
	seen := make(map[string]bool)
	for _, member := range members {
		seen[member.name] = true
		switch {
		case member.name == "table" && member.value.Kind() == '"':
			name, err := jsontext.AppendUnquote(nil, member.value)
			if err != nil {
				faults = append(faults, sdk.Fault{Pointer: "/table", Message: "is not a valid string"})
			}
			read.table = string(name)
		case member.name == "data" && member.value.Kind() == '{':
			if read.data, err = readObject(member.value); err != nil {
				faults = append(faults, sdk.Fault{Pointer: "/data", Message: err.Error()})
			}
		case member.name == "table":
			faults = append(faults, sdk.Fault{Pointer: "/table", Message: "must be a string"})
		case member.name == "data":
			faults = append(faults, sdk.Fault{Pointer: "/data", Message: "must be an object of columns and values"})
		default:
			faults = append(faults, sdk.Fault{Message: fmt.Sprintf("insert has no param %s", shown(member.name))})
		}
	}
	for _, name := range []string{"table", "data"} {
		if !seen[name] {
			faults = append(faults, sdk.Fault{Message: fmt.Sprintf("the param %q is missing", name)})
		}
	}
	if len(faults) > 0 {
		return insertParams{}, invalid(faults...)
	}
	return read, nil
}

// readObject reads the members of one object, which is all there is.
func readObject(text []byte) ([]namedValue, error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(text))
	if decoder.PeekKind() != '{' {
		return nil, errors.New("must be a JSON object")
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, fmt.Errorf("must be valid JSON: %w", err)
	}
	var members []namedValue
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("must be valid JSON: %w", err)
		}
		member := namedValue{name: name.String()}
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("must be valid JSON: %w", err)
		}
		member.value = value.Clone()
		if err := member.value.Compact(); err != nil {
			return nil, fmt.Errorf("must be valid JSON: %w", err)
		}
		members = append(members, member)
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, fmt.Errorf("must be valid JSON: %w", err)
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be one JSON object and nothing after it")
	}
	return members, nil
}
