package request

// ActionCount is the name of the action.
const ActionCount = "count"

// Count is what count is asked for.
type Count struct {
	Table string
	// Filters may be empty: every row is counted.
	Filters []Filter
	// At is the pointer to the filters.
	At string
}

// ReadCount reads params that stand at a pointer.
func ReadCount(at string, params []byte) (read Count, err error) {
	err = readParams(ActionCount, at, params, nil,
		required("table", func(p place) { read.Table = p.text() }),
		optional("filters", func(p place) { read.Filters, read.At = p.anyFilters(), p.at }))
	return read, err
}
