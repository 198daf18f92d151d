package rows

import (
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
)

// selected returns the conditions of the rows that are selected.
func selected(tx *store.Tx, table *driver.Table, asked request.Selection) ([]statement.Condition, error) {
	if asked.Key == nil {
		return conditions(tx, table, asked.Filters)
	}
	return hasKey(tx, table, asked.Key)
}

// hasKey returns the condition that a row has a primary key.
func hasKey(tx *store.Tx, table *driver.Table, key *request.Key) ([]statement.Condition, error) {
	names := table.PrimaryKey
	if len(names) == 0 {
		return nil, failure.Invalid(failure.Fault(key.At, "table %q has no primary key: select its rows by filters", table.Name))
	}
	texts := []string{key.Text}
	if len(names) > 1 {
		var err error
		if texts, err = request.Listed(key.Text); err != nil {
			return nil, failure.Invalid(failure.Fault(key.At, "%v", err))
		}
	}
	if len(texts) != len(names) {
		return nil, failure.Invalid(failure.Fault(key.At, "must have %d values with commas between them, one for each column of the primary key of table %q: %s",
			len(names), table.Name, keys([][]string{names})))
	}
	var where []statement.Condition
	var faults []sdk.Fault
	for i, name := range names {
		column, _ := table.Column(name) // it has those of its key
		value, err := tx.Bind(column, request.FromText(column, texts[i]))
		if err != nil {
			faults = append(faults, failure.Fault(key.At, "column %q (%s) %v", column.Name, declared(column), err))
		}
		where = append(where, statement.Condition{Column: column, Test: statement.Equal, Values: []any{value}})
	}
	if len(faults) > 0 {
		return nil, failure.Invalid(faults...)
	}
	return where, nil
}
