// Package request reads the params of the actions and says what is asked for; it holds
// nothing against a database.
//
// The package imports plugins/database/internal/driver,
// plugins/database/internal/exact, plugins/database/internal/failure, sdk, sdk/digest,
// sdk/pointer, sdk/results and sdk/value.
package request

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Member is a member of an object; the value has no white space between
// its tokens, and is otherwise as the caller wrote it.
type Member struct {
	Name  string
	Value driver.JSON
}

// sorted returns members in the order of their names.
func sorted(members []Member) []Member {
	return slices.SortedFunc(slices.Values(members), func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
}

// ReadObject reads the members of one object, which is all there is. The text of an
// error is for people.
func ReadObject(text []byte) ([]Member, error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(text))
	if decoder.PeekKind() != '{' {
		return nil, errors.New("must be a JSON object")
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, fmt.Errorf("must be valid JSON: %w", err)
	}
	var members []Member
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("must be valid JSON: %w", err)
		}
		member := Member{Name: name.String()}
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("must be valid JSON: %w", err)
		}
		member.Value = value.Clone()
		if err := member.Value.Compact(); err != nil {
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
