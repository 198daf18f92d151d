package request

// The names of the actions that change rows.
const (
	ActionUpdate = "update"
	ActionDelete = "delete"
)

// MaxAffected is the most that the param maxAffected may be.
const MaxAffected = 10_000

// Change is what is asked of the rows that are changed.
type Change struct {
	Selection
	// MaxAffected is how many rows may be changed at most.
	MaxAffected int
	// If are values that each of the rows must have before it is changed, and Where
	// further conditions on it.
	If    []Member
	Where []Filter
}

// Update is what update is asked for.
type Update struct {
	Table string
	// Data is what the rows are changed to, not empty.
	Data []Member
	Change
}

// Delete is what delete is asked for.
type Delete struct {
	Table string
	Change
}

func (c *Change) readMaxAffected(p place) { c.MaxAffected = int(p.integer(1, MaxAffected)) }
func (c *Change) readIf(p place)          { c.If = p.some("it names no column that a row must have a value in") }
func (c *Change) readWhere(p place)       { c.Where = p.where() }

// ReadUpdate reads params that stand at a pointer.
func ReadUpdate(at string, params []byte) (read Update, err error) {
	read.MaxAffected = 1
	err = readParams(ActionUpdate, at, params, selection(ActionUpdate),
		required("table", func(p place) { read.Table = p.text() }),
		required("data", func(p place) { read.Data = p.some("it names no column to change") }),
		optional("filters", read.readFilters),
		optional("key", read.readKey),
		optional("maxAffected", read.readMaxAffected),
		optional("if", read.readIf),
		optional("where", read.readWhere))
	return read, err
}

// ReadDelete reads params that stand at a pointer.
func ReadDelete(at string, params []byte) (read Delete, err error) {
	read.MaxAffected = 1
	err = readParams(ActionDelete, at, params, selection(ActionDelete),
		required("table", func(p place) { read.Table = p.text() }),
		optional("filters", read.readFilters),
		optional("key", read.readKey),
		optional("maxAffected", read.readMaxAffected),
		optional("if", read.readIf),
		optional("where", read.readWhere))
	return read, err
}
