package sqlite

import (
	"bytes"
	sqldriver "database/sql/driver"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	modernc "modernc.org/sqlite"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
)

// containsFunction is the name of the SQL function that says whether a JSON text contains
// another one. SQLite has none of its own.
const containsFunction = "backflow_contains"

// registerContains makes the function known to the connections that are made from then on.
var registerContains = sync.OnceValue(func() error {
	return modernc.RegisterDeterministicScalarFunction(containsFunction, 2, func(_ *modernc.FunctionContext, args []sqldriver.Value) (sqldriver.Value, error) {
		document, ok := args[0].(string)
		wanted, both := args[1].(string)
		if !ok || !both {
			return nil, nil
		}
		return jsonContains(document, wanted), nil
	})
})

// contains looks for a value within JSON, or, in a text, for a piece of it.
func contains(column driver.Column, expression, value string) string {
	if column.Kind == driver.KindJSON {
		// https://www.sqlite.org/json1.html#jvalid: a text, or SQLite's own binary form.
		return containsFunction + "(CASE WHEN json_valid(" + expression + ", 9) THEN json(" + expression + ") END, json(" + value + "))"
	}
	return "instr(" + expression + ", " + value + ") > 0"
}

// jsonContains reports whether a JSON text contains another one: an object its members,
// an array each of the elements of a list, or a value that one of its elements contains,
// and any other value itself, numbers by their value.
func jsonContains(document, wanted string) bool {
	whole, ok := parseJSON(document)
	part, both := parseJSON(wanted)
	return ok && both && within(whole, part)
}

func within(whole, part any) bool {
	switch w := whole.(type) {
	case map[string]any:
		members, ok := part.(map[string]any)
		if !ok {
			return false
		}
		for name, member := range members {
			if value, there := w[name]; !there || !within(value, member) {
				return false
			}
		}
		return true
	case []any:
		list, ok := part.([]any)
		if !ok {
			list = []any{part}
		}
		for _, item := range list {
			if !anyContains(w, item) {
				return false
			}
		}
		return true
	}
	switch part.(type) {
	case map[string]any, []any:
		return false
	}
	return whole == part
}

func anyContains(elements []any, part any) bool {
	for _, element := range elements {
		if within(element, part) {
			return true
		}
	}
	return false
}

// parseJSON reads a text whose nesting jsontext bounds: objects are maps, arrays are
// lists, numbers exact.Decimal, and null is nil.
func parseJSON(text string) (any, bool) {
	decoder := jsontext.NewDecoder(bytes.NewReader([]byte(text)), jsontext.AllowDuplicateNames(true))
	return readJSON(decoder)
}

func readJSON(decoder *jsontext.Decoder) (any, bool) {
	token, err := decoder.ReadToken()
	if err != nil {
		return nil, false
	}
	switch token.Kind() {
	case 'n':
		return nil, true
	case 't', 'f':
		return token.Bool(), true
	case '"':
		return token.String(), true
	case '0':
		return exact.Parse(token.String())
	case '[':
		list := []any{}
		for decoder.PeekKind() != ']' {
			item, ok := readJSON(decoder)
			if !ok {
				return nil, false
			}
			list = append(list, item)
		}
		_, err = decoder.ReadToken()
		return list, err == nil
	case '{':
		object := map[string]any{}
		for decoder.PeekKind() != '}' {
			name, ok := readJSON(decoder)
			text, named := name.(string)
			if !ok || !named {
				return nil, false
			}
			if object[text], ok = readJSON(decoder); !ok {
				return nil, false
			}
		}
		_, err = decoder.ReadToken()
		return object, err == nil
	}
	return nil, false
}
