package rows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// MaxResults is how large the results of a transaction may be together, in bytes.
const MaxResults = 16 << 20

// Transaction returns the action that does those of names one after the other, all or
// none.
func Transaction(actions map[string]Prepare) Prepare {
	return func(at string, params []byte) (Prepared, error) {
		asked, err := request.ReadTransaction(at, params)
		if err != nil {
			return Prepared{}, err
		}
		t := transaction{actions: actions, operations: asked, prepared: make([]Prepared, len(asked))}
		var faults []sdk.Fault
		for i, operation := range asked {
			if err := t.prepare(i, operation); err != nil {
				faults = append(faults, err.Faults...)
			}
		}
		if len(faults) > 0 {
			return Prepared{}, failure.Invalid(faults[:min(len(faults), failure.MaxFaults)]...)
		}
		return Prepared{Digest: digestOf(request.ActionTransaction, params), Do: t.do}, nil
	}
}

type transaction struct {
	actions    map[string]Prepare
	operations []request.Operation
	// prepared lacks those that take something from the results of others.
	prepared []Prepared
}

// prepare reads the params of an operation, where all of them are known.
func (t *transaction) prepare(index int, operation request.Operation) *sdk.Error {
	prepare, known := t.actions[operation.Action]
	if !known {
		return t.noAction(operation)
	}
	if operation.Takes() {
		return nil
	}
	var err error
	t.prepared[index], err = prepare(operation.ParamsAt, operation.Params)
	return wrong(err)
}

// wrong is the error of an action that has read its params.
func wrong(err error) *sdk.Error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*sdk.Error](err); ok {
		return known
	}
	return failure.Internal("read the params", err)
}

func (t *transaction) noAction(operation request.Operation) *sdk.Error {
	place := pointer.Join(operation.At, "action")
	if operation.Action == request.ActionTransaction {
		return failure.Invalid(failure.Fault(place, "a transaction cannot be part of another"))
	}
	names := make([]string, 0, len(t.actions))
	for name := range t.actions {
		names = append(names, name)
	}
	slices.Sort(names)
	return failure.Invalid(failure.Fault(place, "there is no action %s%s", failure.Shown(operation.Action), failure.Suggestion(operation.Action, names)))
}

// do does the operations in one transaction, which the caller ends.
func (t *transaction) do(tx *store.Tx) ([]byte, error) {
	results := make([]json.RawMessage, 0, len(t.operations))
	size := 0
	for i, operation := range t.operations {
		body, err := t.one(tx, i, operation, results)
		if err != nil {
			return nil, undone(err, i, operation)
		}
		if size += len(body); size > MaxResults {
			return nil, undone(failure.Invalid(failure.Fault(operation.At, "the results of the transaction are larger than %d bytes together", MaxResults)), i, operation)
		}
		results = append(results, body)
	}
	whole := []byte(`{"results":[`)
	for i, body := range results {
		if i > 0 {
			whole = append(whole, ',')
		}
		whole = append(whole, body...)
	}
	return append(whole, "]}"...), nil
}

// one does one operation.
func (t *transaction) one(tx *store.Tx, index int, operation request.Operation, before []json.RawMessage) ([]byte, error) {
	prepared := t.prepared[index]
	if operation.Takes() {
		params, err := operation.Fill(before)
		if err != nil {
			return nil, err
		}
		if prepared, err = t.actions[operation.Action](operation.ParamsAt, params); err != nil {
			return nil, err
		}
	}
	return prepared.Do(tx)
}

// undone says of the error of an operation which one it is of, and that the others are
// not done either.
func undone(err error, index int, operation request.Operation) error {
	failed, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		return err
	}
	failed.Message = fmt.Sprintf("operation %d (%s): %s; nothing of the transaction is done", index, operation.Action, failed.Message)
	if len(failed.Faults) == 0 {
		failed.Faults = []sdk.Fault{{Pointer: operation.At, Message: failed.Message}}
	}
	return err
}
