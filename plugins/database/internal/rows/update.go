package rows

import (
	"cmp"
	"slices"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk/pointer"
)

// Update changes the rows that are selected, and returns how many, and the rows as
// stored.
func Update(at string, params []byte) (Prepared, error) {
	return prepare(request.ActionUpdate, at, params, request.ReadUpdate, update)
}

func update(tx *store.Tx, at string, asked request.Update) ([]byte, error) {
	table, err := tx.Table(at, asked.Table, access.Update)
	if err != nil {
		return nil, err
	}
	place := pointer.Join(at, "data")
	columns, values, wrong := resolve(tx, table, place, asked.Data)
	l, err := newLocker(tx, at, table, asked.Change)
	if err := failure.Together(wrong, err); err != nil {
		return nil, err
	}
	names, err := l.lock()
	if err != nil {
		return nil, err
	}
	size := maxNamed
	if l.by.ChangedBy(columns) {
		size = 1
	}
	u := updating{tx: tx, table: table, by: l.by, place: place, columns: columns, values: values}
	for chunk := range slices.Chunk(names, size) {
		if err := u.update(chunk); err != nil {
			return nil, err
		}
	}
	return renderList(tx, table, u.affected, u.rows)
}

// updating sets columns to values in rows of a table, and gathers the rows as stored.
type updating struct {
	tx      *store.Tx
	table   *driver.Table
	by      statement.Locator
	place   string
	columns []driver.Column
	values  []any

	affected int64
	rows     [][]any
}

// update changes the rows that are named.
func (u *updating) update(names [][]any) error {
	text := statement.Update(&u.tx.Syntax, u.table, u.by, names, u.columns, u.values)
	if !u.tx.Syntax.Returning.Update {
		affected, err := u.tx.Exec(text)
		if err != nil {
			return u.failed(err)
		}
		u.affected += affected
		return u.readAgain(names)
	}
	changed, err := u.tx.Query(text)
	if err != nil {
		return u.failed(err)
	}
	u.affected += int64(len(changed))
	inOrder(changed, names)
	if !u.table.Triggers {
		u.rows = append(u.rows, withoutNames(u.by, changed)...)
		return nil
	}
	stored, err := again(u.tx, u.table, u.by, u.place, changed)
	u.rows = append(u.rows, stored...)
	return err
}

// readAgain reads rows that were changed, where UPDATE returns none. What named a row
// before names it still, but for what the change itself says.
func (u *updating) readAgain(names [][]any) error {
	now := make([][]any, len(names))
	for i, name := range names {
		now[i] = u.by.Moved(name, u.columns, u.values)
	}
	found, err := u.tx.Query(statement.Find(&u.tx.Syntax, u.table, u.by, now))
	if err != nil {
		return u.failed(err)
	}
	inOrder(found, now)
	u.rows = append(u.rows, withoutNames(u.by, found)...)
	return nil
}

// failed is the error of a statement. Of the references of the table it is one in the
// columns that are set, or that of another table's row to what was there.
func (u *updating) failed(err error) error {
	table := *u.table
	table.ForeignKeys = slices.DeleteFunc(slices.Clone(table.ForeignKeys), func(key driver.ForeignKey) bool {
		return !slices.ContainsFunc(u.columns, func(c driver.Column) bool { return slices.Contains(key.Columns, c.Name) })
	})
	return u.tx.Failed(err, &table, u.place)
}

// inOrder puts rows, which have what names them before them, in the order of the names.
// One that has got another name comes last.
func inOrder(rows, names [][]any) {
	if len(names) == 0 {
		return
	}
	positions := make(map[string]int, len(names))
	for i, name := range names {
		positions[nameOf(name)] = i
	}
	position := func(row []any) int {
		if i, ok := positions[nameOf(row[:len(names[0])])]; ok {
			return i
		}
		return len(names)
	}
	slices.SortStableFunc(rows, func(a, b []any) int { return cmp.Compare(position(a), position(b)) })
}
