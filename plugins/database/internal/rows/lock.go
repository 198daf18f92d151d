package rows

import (
	"fmt"
	"slices"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// maxCounted is how far the rows are counted that are too many.
const maxCounted = 100_000

// check is what every row must meet before it is changed.
type check struct {
	column string
	place  string
	// holds is empty where value is compared here: JSON has more than one text for one
	// value, and databases differ in what they make of it.
	holds  statement.Condition
	json   driver.JSON
	stored driver.Column
}

// locker finds the rows that a change is about, once it was held against the table.
type locker struct {
	tx     *store.Tx
	at     string
	table  *driver.Table
	asked  request.Change
	by     statement.Locator
	where  []statement.Condition
	checks []check
}

// newLocker holds a change, params at a pointer, against the table.
func newLocker(tx *store.Tx, at string, table *driver.Table, asked request.Change) (*locker, error) {
	l := &locker{tx: tx, at: at, table: table, asked: asked, by: statement.LocatorOf(table)}
	var wrong, unequal error
	l.where, wrong = selected(tx, table, asked.Selection)
	l.checks, unequal = ifs(tx, table, pointer.Join(at, "if"), asked.If)
	further, unmet := conditions(tx, table, asked.Where)
	for i, condition := range further {
		filter := asked.Where[i]
		if filter.Not != nil {
			filter = *filter.Not
		}
		l.checks = append(l.checks, check{column: filter.Column, place: filter.At, holds: condition})
	}
	if err := failure.Together(wrong, unequal, unmet); err != nil {
		return nil, err
	}
	if l.by.Len() == 0 {
		return nil, failure.Invalid(failure.Fault(pointer.Join(at, "table"),
			"table %q has no primary key, and no unique key whose columns are never null, by which its rows could be told apart", table.Name))
	}
	return l, nil
}

// lock returns what names each of the rows, which stay as they are until the transaction
// ends. There are no more of them than the change allows, and all of them are as they
// must be.
func (l *locker) lock() ([][]any, error) {
	most := l.asked.MaxAffected
	conditions, stored := l.split()
	found, err := l.tx.Query(statement.Lock(&l.tx.Syntax, l.table, l.by, l.where, conditions, stored, most+1))
	switch {
	case err != nil:
		return nil, l.tx.Failed(err, l.table, l.at)
	case len(found) == 0 && l.asked.Key != nil:
		return nil, failure.NoRow(l.table.Name)
	case len(found) > most:
		return nil, tooMany(l.tx, l.table, l.at, l.where, most, "maxAffected, ")
	}
	if err := l.check(found); err != nil {
		return nil, err
	}
	names := make([][]any, len(found))
	for i, row := range found {
		names[i] = row[:l.by.Len()]
	}
	return names, nil
}

// split returns the checks that the database makes, and the columns for the others.
func (l *locker) split() (conditions []statement.Condition, stored []driver.Column) {
	for _, c := range l.checks {
		if c.json == nil {
			conditions = append(conditions, c.holds)
		} else {
			stored = append(stored, c.stored)
		}
	}
	return conditions, stored
}

// check returns the error of the checks that one of the rows does not meet.
func (l *locker) check(found [][]any) error {
	unmet := make([]bool, len(l.checks))
	for _, row := range found {
		conditions, stored := l.split()
		results := row[l.by.Len():]
		values := results[len(conditions) : len(conditions)+len(stored)]
		for i, c := range l.checks {
			if c.json == nil {
				unmet[i] = unmet[i] || fmt.Sprint(results[0]) != "1"
				results = results[1:]
				continue
			}
			text, err := l.tx.Database.Render(nil, c.stored, values[0])
			if err != nil {
				return failure.Internal("read a row", err)
			}
			unmet[i] = unmet[i] || !sameJSON(c.json, text)
			values = values[1:]
		}
	}
	var columns []string
	var faults []sdk.Fault
	for i, c := range l.checks {
		if unmet[i] {
			if !slices.Contains(columns, c.column) {
				columns = append(columns, c.column)
			}
			faults = append(faults, failure.Fault(c.place, "is not met: column %q of a row has another value", c.column))
		}
	}
	if len(faults) > 0 {
		return failure.Unmet(l.table.Name, columns, faults)
	}
	return nil
}

// tooMany is the error of more rows than a call may be about. by is the param that says how
// many, with a comma, or "".
func tooMany(tx *store.Tx, table *driver.Table, at string, where []statement.Condition, most int, by string) error {
	counted, err := tx.Query(statement.CountTo(&tx.Syntax, table, where, maxCounted+1))
	if err != nil {
		return tx.Failed(err, table, at)
	}
	if len(counted) == 1 {
		if n, ok := counted[0][0].(int64); ok {
			// While they were counted, another transaction may have removed some.
			n = max(n, int64(most)+1)
			return failure.TooMany(table.Name, min(n, maxCounted), n > maxCounted, by, most)
		}
	}
	return failure.Internal("count rows", fmt.Errorf("the database returned %v", counted))
}

// ifs holds what rows must have, an object at a pointer, against the table.
func ifs(tx *store.Tx, table *driver.Table, at string, asked []request.Member) ([]check, error) {
	var checks []check
	var faults []sdk.Fault
	for _, given := range asked {
		place := pointer.Join(at, given.Name)
		column, ok := table.Column(given.Name)
		if !ok {
			faults = append(faults, noColumn(table, place, given.Name))
			continue
		}
		c := check{column: column.Name, place: place}
		switch {
		case given.Value.Kind() == 'n':
			c.holds = statement.Condition{Column: column, Test: statement.IsNull}
		case column.Kind == driver.KindJSON:
			c.json, c.stored = given.Value, column
		default:
			value, err := tx.Bind(column, given.Value)
			if err != nil {
				faults = append(faults, failure.Fault(place, "column %q (%s) %v", column.Name, declared(column), err))
			}
			c.holds = statement.Condition{Column: column, Test: statement.Equal, Values: []any{value}}
		}
		checks = append(checks, c)
	}
	if len(faults) > 0 {
		return nil, failure.Invalid(faults[:min(len(faults), failure.MaxFaults)]...)
	}
	return checks, nil
}
