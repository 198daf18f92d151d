package rows

import (
	"fmt"
	"slices"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
)

// Delete deletes the rows that are selected, and returns how many.
func Delete(at string, params []byte) (Prepared, error) {
	return prepare(request.ActionDelete, at, params, request.ReadDelete, remove)
}

func remove(tx *store.Tx, at string, asked request.Delete) ([]byte, error) {
	table, err := tx.Table(at, asked.Table, access.Delete)
	if err != nil {
		return nil, err
	}
	l, err := newLocker(tx, at, table, asked.Change)
	if err != nil {
		return nil, err
	}
	names, err := l.lock()
	if err != nil {
		return nil, err
	}
	// It is rows of other tables that can refer to the ones that go.
	referred := *table
	referred.ForeignKeys = nil
	affected := int64(0)
	for chunk := range slices.Chunk(names, maxNamed) {
		n, err := tx.Exec(statement.Delete(&tx.Syntax, table, l.by, chunk))
		if err != nil {
			return nil, tx.Failed(err, &referred, at)
		}
		affected += n
	}
	return fmt.Appendf(nil, `{"affected":%d}`, affected), nil
}
