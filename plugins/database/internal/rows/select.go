package rows

import (
	"errors"
	"fmt"
	"slices"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/digest"
)

// Select returns rows in an order, and a cursor for those behind them.
func Select(at string, params []byte) (Prepared, error) {
	return prepare(request.ActionSelect, at, params, request.ReadSelect, selectRows)
}

func selectRows(tx *store.Tx, at string, asked request.Select) ([]byte, error) {
	table, err := tx.Table(at, asked.Table, access.Select)
	if err != nil {
		return nil, err
	}
	r := &resolver{tx: tx, table: table}
	selected := statement.Selection{Columns: r.columns(asked.Columns), Where: r.all(asked.Filters), Limit: int64(asked.Limit) + 1}
	selected.Order, selected.Ties = total(table, r.order(asked.Order))
	if len(r.faults) > 0 {
		return nil, failure.Invalid(r.faults...)
	}
	if len(selected.Columns) == 0 {
		return nil, failure.Closed(at+"/table", "every column of table %q is excluded", table.Name)
	}
	p := &page{tx: tx, asked: asked, selected: selected}
	p.cursor.Selection = identity(tx, table, selected)
	if asked.Cursor != nil {
		if err := p.goOn(*asked.Cursor); err != nil {
			return nil, err
		}
	}
	return p.read(table)
}

// columns returns those with these names, all of the table if there are none.
func (r *resolver) columns(names []request.Name) []driver.Column {
	if names == nil {
		return r.table.Columns
	}
	var columns []driver.Column
	for _, name := range names {
		if column, ok := r.column(name.Text, name.At); ok {
			columns = append(columns, column)
		}
	}
	return columns
}

// column returns the column of a name that stands at a pointer.
func (r *resolver) column(name, at string) (driver.Column, bool) {
	column, ok := r.table.Column(name)
	if !ok {
		r.fault(at, "table %q has no column %s%s", r.table.Name, failure.Shown(name), failure.Suggestion(name, r.table.ColumnNames()))
	}
	return column, ok
}

// identity tells selections apart that are not to be gone on with each other's cursors.
func identity(tx *store.Tx, table *driver.Table, selected statement.Selection) [16]byte {
	text := statement.Identity(&tx.Syntax, table, selected)
	parts := []string{table.Schema, table.Name, text.String()}
	for _, value := range text.Values {
		parts = append(parts, fmt.Sprintf("%T %v", value, value))
	}
	sum := digest.Of(parts...)
	return [16]byte(sum[:16])
}

// page is the rows that one call returns.
type page struct {
	tx       *store.Tx
	asked    request.Select
	selected statement.Selection
	// cursor is that of the last row that was written, or of the row before the first.
	cursor request.Cursor
	// skip is how many of the rows with the place of that row have been returned before.
	skip int64
	// rank tells the rows with the place of the last one.
	rank any

	body    []byte
	written int
	more    bool
}

// goOn begins behind the row of a cursor.
func (p *page) goOn(cursor request.Cursor) error {
	if cursor.Selection != p.cursor.Selection || len(cursor.Values) != len(p.selected.Order) || !p.selected.Ties && cursor.Skip > 0 {
		return failure.Invalid(failure.Fault(p.asked.CursorAt, "is the cursor of another table, other filters or another order: go on with those that it came from"))
	}
	p.selected.After = cursor.Values
	p.selected.Limit += cursor.Skip
	p.cursor, p.skip = cursor, cursor.Skip
	return nil
}

// read reads the rows and writes them.
func (p *page) read(table *driver.Table) ([]byte, error) {
	p.body = []byte(`{"data":[`)
	err := p.tx.Each(statement.Select(&p.tx.Syntax, table, p.selected), nil, p.take)
	if errors.Is(err, errEnough) {
		err = nil
	}
	if refused, ok := errors.AsType[*sdk.Error](err); ok {
		return nil, refused
	}
	if err != nil {
		place := p.asked.FiltersAt
		if p.asked.Cursor != nil { // the values of the filters were held against their columns
			place = p.asked.CursorAt
		}
		return nil, p.tx.Failed(err, table, place)
	}
	p.body = append(p.body, `],"nextCursor":`...)
	if !p.more {
		return append(p.body, "null}"...), nil
	}
	next, err := p.cursor.String()
	if err != nil {
		return nil, failure.Invalid(failure.Fault(p.asked.OrderAt, "%v", err))
	}
	return append(driver.AppendString(p.body, next), '}'), nil
}

// errEnough ends the reading of rows.
var errEnough = errors.New("there is one more row than are asked for")

// take writes a row, or finds that there is one more than are asked for.
func (p *page) take(row []any) error {
	row, values := row[:len(p.selected.Columns)], row[len(p.selected.Columns):]
	again := false
	if p.selected.Ties {
		again = values[len(values)-1] == int64(1)
		if again && p.skip > 0 {
			p.skip--
			return nil
		}
	}
	if p.written == p.asked.Limit {
		p.more = true
		return errEnough
	}
	if p.written > 0 {
		p.body = append(p.body, ',')
	}
	var err error
	if p.body, err = appendRow(p.body, p.tx, p.selected.Columns, row); err != nil {
		return err
	}
	if len(p.body) > maxResult {
		return failure.Invalid(failure.Fault(p.asked.LimitAt, "the first %d rows have more than %d bytes together, the most that one call returns: ask for fewer rows by limit, or name the columns",
			p.written+1, maxResult))
	}
	p.written++
	p.passed(values, again)
	return nil
}

// passed makes the cursor that of a row by what Select returned behind its columns. again
// says that it has the place of the row before the first.
func (p *page) passed(values []any, again bool) {
	if p.selected.Ties {
		rank := values[len(values)-2]
		if !again && rank != p.rank {
			p.cursor.Skip = 0
		}
		p.cursor.Skip++
		p.rank = rank
	}
	if p.written == p.asked.Limit {
		p.cursor.Values = slices.Clone(values[:len(p.selected.Order)])
	}
}
