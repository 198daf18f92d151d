package rows

import (
	"slices"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
)

// maxTieColumns is how many columns are put in order in a table without a key: databases
// nest conditions, and columns of an order, to some depth only.
const maxTieColumns = 64

// order returns the order that is asked for.
func (r *resolver) order(asked []request.Order) []statement.Sort {
	var order []statement.Sort
	for _, by := range asked {
		column, ok := r.column(by.Column.Text, by.Column.At)
		if !ok {
			continue
		}
		switch {
		case !ordered(column):
			r.fault(by.Column.At, "column %q (%s) has no order", column.Name, declared(column))
		case sorts(order, column.Name):
			r.fault(by.Column.At, "column %q is named twice", column.Name)
		}
		order = append(order, statement.Sort{Column: column, Descending: by.Descending})
	}
	return order
}

func sorts(order []statement.Sort, name string) bool {
	return slices.ContainsFunc(order, func(by statement.Sort) bool { return by.Column.Name == name })
}

// total adds columns to an order until no two rows have the same place in it: those of a
// key whose values are unique and not null. A view, or a table without such a key, gets
// all columns that have an order; ties says that there may be rows that are the same in
// all of these.
func total(table *driver.Table, order []statement.Sort) (_ []statement.Sort, ties bool) {
	descending := len(order) > 0 && order[len(order)-1].Descending
	add := func(columns []driver.Column) {
		for _, column := range columns {
			if !sorts(order, column.Name) {
				order = append(order, statement.Sort{Column: column, Descending: descending})
			}
		}
	}
	var keys [][]driver.Column
	for _, names := range append([][]string{table.PrimaryKey}, table.UniqueKeys...) {
		if key := unambiguous(table, names); key != nil {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if !slices.ContainsFunc(key, func(column driver.Column) bool { return !sorts(order, column.Name) }) {
			return order, false
		}
	}
	if len(keys) > 0 {
		add(keys[0])
		return order, false
	}
	rest := slices.DeleteFunc(slices.Clone(table.Columns), func(column driver.Column) bool { return !ordered(column) || sorts(order, column.Name) })
	add(rest[:min(len(rest), maxTieColumns)])
	return order, true
}

// unambiguous returns the columns of a key, nil if one of them may be null or has no
// order, or if rows of other tables may have the same values.
func unambiguous(table *driver.Table, names []string) []driver.Column {
	if table.Heirs {
		return nil
	}
	var key []driver.Column
	for _, name := range names {
		column, ok := table.Column(name)
		if !ok || column.Nullable || !ordered(column) {
			return nil
		}
		key = append(key, column)
	}
	return key
}
