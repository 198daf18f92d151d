package rows

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// maxPattern is how long a pattern of like may be, in bytes: SQLite takes none that has
// 50,000, and writing one as it needs it makes it up to three times as long
// (https://www.sqlite.org/limits.html, 4).
const maxPattern = 8192

// conditions holds filters against a table, and returns what all of them say. It finds
// every fault, not the first, up to failure.MaxFaults.
func conditions(tx *store.Tx, table *driver.Table, filters []request.Filter) ([]statement.Condition, error) {
	r := &resolver{tx: tx, table: table}
	found := r.all(filters)
	if len(r.faults) > 0 {
		return nil, failure.Invalid(r.faults...)
	}
	return found, nil
}

// maxCompared is how many values filters may have together. They are bound in one
// statement, beside those of the query of a URL, of which there may be as many, and those
// that are written: see maxBound.
const maxCompared = 15_000

// resolver turns filters into conditions.
type resolver struct {
	tx     *store.Tx
	table  *driver.Table
	faults []sdk.Fault
	// compared is how many values there were.
	compared int
}

func (r *resolver) fault(at, format string, args ...any) {
	if len(r.faults) < failure.MaxFaults {
		r.faults = append(r.faults, failure.Fault(at, format, args...))
	}
}

func (r *resolver) all(filters []request.Filter) []statement.Condition {
	found := make([]statement.Condition, len(filters))
	for i, filter := range filters {
		found[i] = r.condition(filter)
	}
	return found
}

func (r *resolver) condition(f request.Filter) statement.Condition {
	switch {
	case f.All != nil:
		return statement.Condition{All: r.all(f.All)}
	case f.Any != nil:
		return statement.Condition{Any: r.all(f.Any)}
	case f.Not != nil:
		not := r.condition(*f.Not)
		return statement.Condition{Not: &not}
	}
	column, ok := r.column(f.Column, f.ColumnAt)
	if !ok {
		return statement.Condition{}
	}
	if refused := unfit(column, f.Operator); refused != "" {
		r.fault(f.At, "column %q (%s) %s", column.Name, declared(column), refused)
		return statement.Condition{}
	}
	return r.test(column, f)
}

// unfit says why an operator is not for a column, "" where it is.
func unfit(column driver.Column, operator request.Operator) string {
	switch operator {
	case request.Is:
		return ""
	case request.Contains:
		if !keepsText(column) && column.Kind != driver.KindJSON && column.Kind != driver.KindArray {
			return "contains nothing: contains is for texts, JSON and arrays"
		}
		return ""
	case request.Like, request.LikeFold:
		if !keepsText(column) {
			return "is no text: " + string(operator) + " is for columns of text"
		}
		return ""
	}
	if !ordered(column) {
		return "cannot be compared by " + string(operator) + ": use contains, or is"
	}
	return ""
}

func keepsText(column driver.Column) bool {
	return column.Kind == driver.KindText || column.Kind == driver.KindAny || column.Kind == driver.KindLoose
}

// ordered reports whether the values of a column can be compared and put in order: JSON
// has more than one text for one value, and databases differ in what they make of it.
func ordered(column driver.Column) bool {
	return column.Kind != driver.KindJSON && column.Kind != driver.KindArray
}

// tests are what the operators are in SQL; that of is depends on its value.
var tests = map[request.Operator]statement.Test{
	request.Equal: statement.Equal, request.NotEqual: statement.NotEqual,
	request.Greater: statement.Greater, request.GreaterOrEqual: statement.GreaterOrEqual,
	request.Less: statement.Less, request.LessOrEqual: statement.LessOrEqual,
	request.Between: statement.Between, request.In: statement.In,
	request.Like: statement.Like, request.LikeFold: statement.LikeFold, request.Contains: statement.Contains,
}

func (r *resolver) test(column driver.Column, f request.Filter) statement.Condition {
	found := statement.Condition{Column: column, Test: tests[f.Operator]}
	taking := column
	switch f.Operator {
	case request.Is:
		found.Test = r.is(column, f)
		return found
	case request.Like, request.LikeFold:
		found.Values = []any{r.pattern(f)}
		return found
	case request.Contains:
		if column.Kind == driver.KindArray && column.Element != nil {
			taking = *column.Element
			taking.Name = column.Name // for faults
		}
	}
	values := f.Values(column)
	if r.compared += len(values); r.compared > maxCompared {
		if r.compared-len(values) <= maxCompared { // once
			r.fault(f.ValueAt, "there are more than %d values in the filters", maxCompared)
		}
		return found
	}
	found.Values = make([]any, len(values))
	for i, value := range values {
		at := f.ValueAt
		if !f.Text && (f.Operator == request.In || f.Operator == request.Between) {
			at = pointer.Join(at, strconv.Itoa(i))
		}
		found.Values[i] = r.value(taking, at, value)
	}
	return found
}

// value binds a value for a column.
func (r *resolver) value(column driver.Column, at string, value driver.JSON) any {
	bound, err := r.tx.Bind(column, value)
	if err != nil {
		r.fault(at, "column %q (%s) %v", column.Name, declared(column), err)
	}
	return bound
}

// is returns the test that a filter with the operator is makes.
func (r *resolver) is(column driver.Column, f request.Filter) statement.Test {
	switch string(f.Value) {
	case "null":
		return statement.IsNull
	case `"not null"`:
		return statement.IsNotNull
	}
	if column.Kind != driver.KindBoolean {
		r.fault(f.ValueAt, "column %q (%s) is neither true nor false; use eq", column.Name, declared(column))
	}
	if string(f.Value) == "true" {
		return statement.IsTrue
	}
	return statement.IsFalse
}

// pattern returns what is bound for the pattern of a filter with like or ilike.
func (r *resolver) pattern(f request.Filter) string {
	unquoted, err := jsontext.AppendUnquote(nil, f.Value)
	pattern := string(unquoted)
	escapes := len(pattern) - len(strings.TrimRight(pattern, `\`))
	switch {
	case err != nil:
		r.fault(f.ValueAt, "is not a valid string")
	case len(pattern) > maxPattern:
		r.fault(f.ValueAt, "is a pattern of %d bytes; at most %d are allowed", len(pattern), maxPattern)
	case strings.ContainsRune(pattern, 0):
		r.fault(f.ValueAt, "must have no NUL character")
	case escapes%2 == 1:
		r.fault(f.ValueAt, `ends with the escape \, which has to stand before a character; write \\ for a \`)
	}
	return r.tx.Syntax.LikePattern(pattern, f.Operator == request.LikeFold)
}
