package rows

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// Upsert inserts a row, or changes the one that has the same values in the columns of a
// unique key, and returns it as stored.
func Upsert(at string, params []byte) (Prepared, error) {
	return prepare(request.ActionUpsert, at, params, request.ReadUpsert, upsert)
}

func upsert(tx *store.Tx, at string, asked request.Upsert) ([]byte, error) {
	table, err := tx.Table(at, asked.Table, access.Upsert)
	if err != nil {
		return nil, err
	}
	place := pointer.Join(at, "data")
	columns, values, faults := resolve(tx, table, place, asked.Data)
	key, wrong := conflictKey(tx, table, at, asked)
	if err := failure.Together(faults, wrong); err != nil {
		return nil, err
	}
	l := statement.LocatorOf(table)
	text := statement.Upsert(&tx.Syntax, table, l, columns, values, key)
	var returned [][]any
	if tx.Syntax.Returning.Insert {
		returned, err = tx.Query(text)
	} else {
		_, err = tx.Exec(text)
	}
	if err != nil && tx.Syntax.UpsertAnyKey && tx.Classify(err, table).Condition == driver.CardinalityViolation {
		returned, err = nil, changeByKey(tx, table, columns, values, key)
	}
	switch {
	case err != nil:
		return nil, tx.Failed(err, table, place)
	case tx.Syntax.Returning.Insert && !tx.Syntax.UpsertAnyKey && len(returned) == 0:
		return nil, passedOver(table)
	case tx.Syntax.Returning.Insert && !tx.Syntax.UpsertAnyKey && !table.Triggers:
		return render(tx, table, returned[0][l.Len():])
	}
	found, err := tx.Query(statement.Upserted(&tx.Syntax, table, keyOf(key, columns, values)))
	switch {
	case err != nil:
		return nil, tx.Failed(err, table, place)
	case len(found) == 1:
		return render(tx, table, found[0])
	case len(returned) == 1 && !tx.Syntax.UpsertAnyKey: // a trigger moved it away
		return render(tx, table, returned[0][l.Len():])
	}
	return nil, sdk.Refuse(sdk.CodeConflict, "another row of table %q has the same values in another unique key than onConflict names", table.Name)
}

// changeByKey changes the row with these values in the columns of the key, where an upsert
// met another one in another unique key. If there is no such row, nothing is changed.
func changeByKey(tx *store.Tx, table *driver.Table, columns []driver.Column, values []any, key []driver.Column) error {
	var set []driver.Column
	var to []any
	for i, column := range columns {
		if !slices.ContainsFunc(key, func(part driver.Column) bool { return part.Name == column.Name }) {
			set, to = append(set, column), append(to, values[i])
		}
	}
	if len(set) == 0 {
		return nil
	}
	_, err := tx.Exec(statement.UpdateWhere(&tx.Syntax, table, set, to, keyOf(key, columns, values)))
	return err
}

// keyOf is the condition that a row has the values in the columns of a key.
func keyOf(key, columns []driver.Column, values []any) []statement.Condition {
	var where []statement.Condition
	for _, part := range key {
		for i, column := range columns {
			if column.Name == part.Name {
				where = append(where, statement.Condition{Column: column, Test: statement.Equal, Values: []any{values[i]}})
			}
		}
	}
	return where
}

// conflictKey returns the columns of the unique key that onConflict names, all of which
// data gives a value for.
func conflictKey(tx *store.Tx, table *driver.Table, at string, asked request.Upsert) ([]driver.Column, error) {
	var faults []sdk.Fault
	place := pointer.Join(at, "onConflict")
	var key []driver.Column
	for i, name := range asked.OnConflict {
		column, ok := table.Column(name)
		if !ok {
			faults = append(faults, noColumn(table, pointer.Join(place, strconv.Itoa(i)), name))
			continue
		}
		key = append(key, column)
		value, given := asked.Value(name)
		switch {
		case !given:
			faults = append(faults, failure.Fault(pointer.Join(at, "data"), "has no value for column %q, by which onConflict tells rows apart", name))
		case value.Kind() == 'n':
			faults = append(faults, failure.Fault(pointer.Join(at, "data", name), "must not be null: onConflict names the column, and null is in conflict with nothing"))
		}
	}
	if len(faults) == 0 && !slices.ContainsFunc(table.UniqueKeys, func(unique []string) bool { return sameNames(unique, asked.OnConflict) }) {
		faults = append(faults, failure.Fault(place, "must be the columns of one unique key of table %q: %s", table.Name, keys(table.UniqueKeys)))
	}
	if len(faults) == 0 && tx.Syntax.UpsertAnyKey {
		faults = otherKeys(table, at, asked)
	}
	if len(faults) > 0 {
		return nil, failure.Invalid(faults...)
	}
	return key, nil
}

// otherKeys are the faults of values for columns of other unique keys than onConflict
// names, where the database cannot be told which one is meant: it would change the row
// that is in conflict by any of them. A key that has all of those columns is in conflict
// only together with them.
func otherKeys(table *driver.Table, at string, asked request.Upsert) []sdk.Fault {
	var faults []sdk.Fault
	for _, unique := range table.UniqueKeys {
		if !slices.ContainsFunc(asked.OnConflict, func(name string) bool { return !slices.Contains(unique, name) }) {
			continue
		}
		for _, name := range unique {
			if _, given := asked.Value(name); given {
				faults = append(faults, failure.Fault(pointer.Join(at, "data", name), "must be left out: it is in the unique key %s, and this database cannot be told to look at %s alone",
					keys([][]string{unique}), keys([][]string{asked.OnConflict})))
			}
		}
	}
	return faults
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// keys lists unique keys for a message.
func keys(unique [][]string) string {
	if len(unique) == 0 {
		return "it has none"
	}
	texts := make([]string, len(unique))
	for i, key := range unique {
		quoted := make([]string, len(key))
		for j, name := range key {
			quoted[j] = fmt.Sprintf("%q", name)
		}
		texts[i] = "[" + strings.Join(quoted, ", ") + "]"
	}
	return strings.Join(texts, " or ")
}
