package request

import (
	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// ActionSelect is the name of the action.
const ActionSelect = "select"

// MaxLimit is how many rows one select returns at most, and DefaultLimit how many where
// it does not say.
const (
	MaxLimit     = 1000
	DefaultLimit = 100
)

// maxOrder is how many columns rows may be put in the order of.
const maxOrder = 16

// Select is what select is asked for.
type Select struct {
	Table string
	// Columns are those to return; nil for all.
	Columns []Name
	Filters []Filter
	Order   []Order
	Limit   int
	// Cursor is nil for the first rows.
	Cursor *Cursor
	// FiltersAt, OrderAt, LimitAt and CursorAt are the pointers to them.
	FiltersAt, OrderAt, LimitAt, CursorAt string
}

// Name is the name of a column, and the pointer to it.
type Name struct{ Text, At string }

// Order is a column that rows are put in the order of.
type Order struct {
	Column     Name
	Descending bool
}

// ReadSelect reads params that stand at a pointer.
func ReadSelect(at string, params []byte) (read Select, err error) {
	read = Select{Limit: DefaultLimit, FiltersAt: at + "/filters", OrderAt: at + "/order", LimitAt: at + "/limit", CursorAt: at + "/cursor"}
	var where []Filter
	err = readParams(ActionSelect, at, params, notBoth,
		required("table", func(p place) { read.Table = p.text() }),
		optional("columns", func(p place) { read.Columns = p.columns() }),
		optional("select", func(p place) { read.Columns = p.listedColumns() }),
		optional("filters", func(p place) { read.Filters = p.anyFilters() }),
		optional("where", func(p place) { where = p.where() }),
		optional("order", func(p place) { read.Order = p.order() }),
		optional("limit", func(p place) { read.Limit = int(p.integer(1, MaxLimit)) }),
		optional("cursor", func(p place) { read.Cursor = p.cursor() }))
	read.Filters = append(read.Filters, where...)
	return read, err
}

// notBoth refuses params that list the columns to return in both ways.
func notBoth(p place, given map[string]driver.JSON) {
	if columns, text := given["columns"], given["select"]; columns != nil && text != nil {
		p.below("select", nil).fault("must not be given beside columns")
	}
}

// columns reads a list of columns, each of them once.
func (p place) columns() []Name {
	names := p.names()
	columns := make([]Name, len(names))
	for i, item := range p.items(maxNames) {
		if i < len(names) {
			columns[i] = Name{names[i], item.at}
		}
	}
	return columns
}

func (p place) order() []Order {
	if p.json.Kind() == '"' {
		return p.listedOrder()
	}
	var order []Order
	for _, item := range p.items(maxOrder) {
		var by Order
		item.object("an order has no", "the order's",
			required("column", func(v place) { by.Column = Name{v.text(), v.at} }),
			optional("ascending", func(v place) { by.Descending = !v.boolean() }))
		order = append(order, by)
	}
	return order
}

func (p place) boolean() bool {
	kind := p.json.Kind()
	if kind != 't' && kind != 'f' {
		p.fault("must be true or false")
	}
	return kind == 't'
}

func (p place) cursor() *Cursor {
	if p.json.Kind() == 'n' { // the nextCursor of a last page: there is nothing more
		p.fault("must be a string: null says that there are no more rows")
		return nil
	}
	cursor, err := ParseCursor(p.text())
	if err != nil && p.json.Kind() == '"' {
		p.fault("%v", err)
	}
	return &cursor
}
