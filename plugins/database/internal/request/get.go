package request

// ActionGet is the name of the action.
const ActionGet = "get"

// Get is what get is asked for.
type Get struct {
	Table string
	Selection
}

// ReadGet reads params that stand at a pointer.
func ReadGet(at string, params []byte) (read Get, err error) {
	err = readParams(ActionGet, at, params, selection(ActionGet),
		required("table", func(p place) { read.Table = p.text() }),
		optional("filters", read.readFilters),
		optional("key", read.readKey))
	return read, err
}
