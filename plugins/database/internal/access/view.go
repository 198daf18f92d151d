package access

import (
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// open returns what is open of a table, nil where a column that is to be excluded is not
// there: a misspelt name must not lay the column open that was meant.
func (o *opened) open(table *driver.Table) *driver.Table {
	if len(o.Exclude) == 0 {
		return table
	}
	if last := o.last.Load(); last != nil && last.whole == table {
		return last.open
	}
	found := &view{whole: table, open: without(table, o.Exclude)}
	o.last.Store(found)
	return found.open
}

// without returns a table as if it had no such columns, nil where it has none of one of
// the names.
func without(table *driver.Table, excluded []string) *driver.Table {
	open := *table
	for _, name := range excluded {
		if !slices.ContainsFunc(table.Columns, func(c driver.Column) bool { return strings.EqualFold(c.Name, name) }) {
			return nil
		}
	}
	open.Columns, open.UniqueKeys, open.ForeignKeys = nil, nil, nil
	for _, column := range table.Columns {
		if contains(excluded, column.Name) {
			open.Excluded = append(open.Excluded, column)
		} else {
			open.Columns = append(open.Columns, column)
		}
	}
	hidden := func(columns []string) bool {
		return slices.ContainsFunc(columns, func(name string) bool { return contains(excluded, name) })
	}
	if hidden(table.PrimaryKey) {
		open.PrimaryKey, open.ExcludedKey = nil, table.Identity()
	}
	for _, key := range table.UniqueKeys {
		if !hidden(key) {
			open.UniqueKeys = append(open.UniqueKeys, key)
		}
	}
	for _, key := range table.ForeignKeys {
		if !hidden(key.Columns) {
			open.ForeignKeys = append(open.ForeignKeys, key)
		}
	}
	return &open
}

func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, name) })
}
