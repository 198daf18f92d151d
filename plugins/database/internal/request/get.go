package request

import "github.com/backflow/backflow/plugins/database/internal/driver"

// ActionGet is the name of the action.
const ActionGet = "get"

// Get is what get is asked for.
type Get struct {
	Table string
	// Columns are those to return; nil for all.
	Columns []Name
	Selection
}

// ReadGet reads params that stand at a pointer.
func ReadGet(at string, params []byte) (read Get, err error) {
	one := selection(ActionGet)
	err = readParams(ActionGet, at, params, func(p place, given map[string]driver.JSON) {
		one(p, given)
		notBoth(p, given)
	},
		required("table", func(p place) { read.Table = p.text() }),
		optional("columns", func(p place) { read.Columns = p.columns() }),
		optional("select", func(p place) { read.Columns = p.listedColumns() }),
		optional("filters", read.readFilters),
		optional("key", read.readKey))
	return read, err
}
