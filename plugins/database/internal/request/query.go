package request

// ActionQuery is the name of the action.
const ActionQuery = "query"

// Query is what query is asked for.
type Query struct {
	Name string
	// Params are values for the statement's parameters.
	Params []Member
	// NameAt and ParamsAt are the pointers to them.
	NameAt, ParamsAt string
}

// ReadQuery reads params that stand at a pointer.
func ReadQuery(at string, params []byte) (read Query, err error) {
	read = Query{NameAt: at + "/name", ParamsAt: at + "/params"}
	err = readParams(ActionQuery, at, params, nil,
		required("name", func(p place) { read.Name = p.text() }),
		optional("params", func(p place) { read.Params = p.members() }))
	return read, err
}
