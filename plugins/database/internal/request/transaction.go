package request

import (
	"encoding/json"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/results"
	"github.com/backflow/backflow/sdk/value"
)

// ActionTransaction is the name of the action.
const ActionTransaction = "transaction"

// MaxOperations is how many operations a transaction may have.
const MaxOperations = 100

// Operation is one action of a transaction.
type Operation struct {
	// At is the pointer to it, and ParamsAt that to its params.
	At, ParamsAt string
	Action       string
	// Params are as they are written.
	Params driver.JSON
	// takes says that values in the params are taken from results of operations before.
	takes bool
}

// ReadTransaction reads params that stand at a pointer.
func ReadTransaction(at string, params []byte) (read []Operation, err error) {
	err = readParams(ActionTransaction, at, params, nil,
		required("operations", func(p place) {
			items := p.items(MaxOperations)
			if string(p.json) == "[]" {
				p.fault("must not be empty")
			}
			for i, item := range items {
				read = append(read, item.operation(i))
			}
		}))
	return read, err
}

// operation reads the operation of an index.
func (p place) operation(index int) Operation {
	read := Operation{At: p.at, ParamsAt: pointer.Join(p.at, "params")}
	p.object("an operation has no", "the operation's",
		required("action", func(v place) { read.Action = v.text() }),
		required("params", func(v place) {
			if v.json.Kind() != '{' {
				v.fault("must be an object: the params of the action")
				return
			}
			read.Params = v.json
			read.takes = v.references(index)
		}))
	return read
}

// references checks what params take from the results of operations before, and reports
// whether there is anything.
func (p place) references(index int) (any bool) {
	parsed, err := value.Parse(p.json)
	if err != nil {
		p.fault("%v", err)
		return false
	}
	results.Walk(parsed, p.at, func(at string, ref results.Reference, err error) {
		any = true
		found := place{p.reading, at, nil}
		switch {
		case err != nil:
			found.fault("%v", err)
		case ref.Index >= index:
			found.fault("%s: only the results of earlier operations can be read, and this is operation %d", ref, index)
		case at == pointer.Join(p.at, "table"):
			found.fault("a table is written out, and not taken from a result")
		}
	})
	return any
}

// Takes reports whether the params take anything from the results of the operations
// before.
func (o Operation) Takes() bool { return o.takes }

// Fill returns the params with what they take from the results of the operations before.
// Each value is put in as it is, and nothing that is in it is looked at.
func (o Operation) Fill(before []json.RawMessage) (driver.JSON, error) {
	parsed, err := value.Parse(o.Params)
	if err != nil {
		return nil, failure.Invalid(failure.Fault(o.ParamsAt, "%v", err))
	}
	filling := filling{before: before, read: make([]any, len(before))}
	filled, err := filling.fill(o.ParamsAt, parsed)
	if err != nil {
		return nil, err
	}
	return value.Marshal(filled)
}
