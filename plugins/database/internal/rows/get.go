package rows

import (
	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
)

// Get returns the one row that is selected.
func Get(at string, params []byte) (Prepared, error) {
	return prepare(request.ActionGet, at, params, request.ReadGet, get)
}

func get(tx *store.Tx, at string, asked request.Get) ([]byte, error) {
	table, err := tx.Table(at, asked.Table, access.Get)
	if err != nil {
		return nil, err
	}
	r := &resolver{tx: tx, table: table}
	columns := r.columns(asked.Columns)
	where, err := selected(tx, table, asked.Selection)
	if err := failure.Together(failure.Invalid(r.faults...), err); err != nil {
		return nil, err
	}
	found, err := tx.Query(statement.First(&tx.Syntax, table, columns, where, 2))
	switch {
	case err != nil:
		return nil, tx.Failed(err, table, at)
	case len(found) == 0:
		return nil, failure.NoRow(table.Name)
	case len(found) > 1:
		return nil, tooMany(tx, table, at, where, 1, "")
	}
	return renderColumns(tx, columns, found[0])
}
