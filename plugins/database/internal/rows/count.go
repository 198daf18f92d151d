package rows

import (
	"fmt"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
)

// Count counts rows.
func Count(at string, params []byte) (Prepared, error) {
	return prepare(request.ActionCount, at, params, request.ReadCount, count)
}

func count(tx *store.Tx, at string, asked request.Count) ([]byte, error) {
	table, err := tx.Table(at, asked.Table, access.Count)
	if err != nil {
		return nil, err
	}
	where, err := conditions(tx, table, asked.Filters)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(statement.Count(&tx.Syntax, table, where))
	if err != nil {
		return nil, tx.Failed(err, table, asked.At)
	}
	if len(rows) == 1 {
		if n, ok := rows[0][0].(int64); ok {
			return fmt.Appendf(nil, `{"count":%d}`, n), nil
		}
	}
	return nil, failure.Internal("count rows", fmt.Errorf("the database returned %v", rows))
}
