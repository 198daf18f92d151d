// Package uses holds what a config asks of the database against the live schema, without
// a change: the same code as that of the actions looks at the params, up to the first
// statement.
//
// The package imports plugins/database/internal/access,
// plugins/database/internal/driver, plugins/database/internal/failure,
// plugins/database/internal/request, plugins/database/internal/rows,
// plugins/database/internal/store, sdk, sdk/pointer, sdk/results and sdk/value.
package uses

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/rows"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/results"
	"github.com/backflow/backflow/sdk/value"
)

// Check returns what of a use does not fit the database, with pointers into its params.
// Actions are all but transaction, by name. The error is that of a database that cannot be
// looked at.
func Check(ctx context.Context, s *store.Store, actions map[string]rows.Prepare, use sdk.Use) ([]sdk.Fault, error) {
	params, err := value.Parse(use.Params)
	if err != nil {
		return []sdk.Fault{failure.Fault("", "%v", err)}, nil
	}
	open := make(map[string]bool, len(use.Open))
	for _, at := range use.Open {
		open[at] = true
	}
	c := checker{ctx: ctx, store: s, actions: actions, open: open}
	if use.Action == request.ActionTransaction {
		err = c.transaction(params)
	} else {
		err = c.action("", use.Action, params)
	}
	return c.faults, err
}

// checker checks one use.
type checker struct {
	ctx     context.Context
	store   *store.Store
	actions map[string]rows.Prepare
	// open are the pointers to values of which nothing is known.
	open   map[string]bool
	faults []sdk.Fault
}

// transaction checks each operation as if it were a use of its own.
func (c *checker) transaction(params any) error {
	const at = "/operations"
	members, _ := params.(map[string]any)
	operations, ok := members["operations"].([]any)
	if !ok || c.open[at] {
		return nil // whether they are there at all is said without a look at the database
	}
	for i, operation := range operations {
		at := pointer.Join(at, strconv.Itoa(i))
		members, _ := operation.(map[string]any)
		action, named := members["action"].(string)
		inner := pointer.Join(at, "params")
		if !named || c.open[at] || c.open[pointer.Join(at, "action")] || c.open[inner] {
			continue
		}
		results.Walk(members["params"], inner, func(place string, _ results.Reference, _ error) { c.open[place] = true })
		if err := c.action(inner, action, members["params"]); err != nil {
			return err
		}
	}
	return nil
}

// action checks the params of an action, which stand at a pointer.
func (c *checker) action(at, action string, given any) error {
	prepare, known := c.actions[action]
	params, ok := given.(map[string]any)
	if !known || !ok || c.open[at] || c.open[pointer.Join(at, "table")] {
		return nil
	}
	return c.store.Inspect(c.ctx, isPlaceholder, func(tx *store.Tx) error {
		f := filler{open: c.open, at: at, action: action, made: make(map[string]bool)}
		if table, ok := params["table"].(string); ok {
			f.table = tableOf(tx, at, table, action)
		}
		text, err := value.Marshal(f.params(params))
		if err != nil {
			return err
		}
		prepared, err := prepare(at, text)
		if err == nil {
			_, err = prepared.Do(tx)
			return c.add(err, func(fault sdk.Fault) bool {
				return within(f.made, fault.Pointer) || strings.Contains(fault.Message, shown)
			})
		}
		before := len(c.faults)
		err = c.add(err, func(fault sdk.Fault) bool { return within(c.open, fault.Pointer) })
		if table, ok := params["table"].(string); ok && err == nil && len(c.faults) == before {
			_, err = tx.Table(at, table, access.Operation(action))
			return c.add(err, func(sdk.Fault) bool { return false })
		}
		return err
	})
}

// add adds the faults that an error holds, but for those that are about what is not
// known. It returns the error of a database that cannot be looked at.
func (c *checker) add(err error, unknown func(sdk.Fault) bool) error {
	if err == nil || errors.Is(err, store.ErrInspected) {
		return nil
	}
	refused, ok := errors.AsType[*sdk.Error](err)
	if !ok || len(refused.Faults) == 0 {
		return err
	}
	for _, fault := range refused.Faults {
		if !unknown(fault) {
			c.faults = append(c.faults, fault)
		}
	}
	return nil
}

// within reports whether a pointer is one of some, or leads below one of them.
func within(some map[string]bool, at string) bool {
	for !some[at] {
		end := strings.LastIndexByte(at, '/')
		if end < 0 {
			return false
		}
		at = at[:end]
	}
	return true
}

// placeholder stands for a value that is not known. No text of a config is the same: it
// has characters for private use.
const placeholder = "\ue000not known\ue000"

// shown is how a message repeats the placeholder.
var shown = failure.Shown(placeholder)

// isPlaceholder reports whether a value is the one that is not known.
func isPlaceholder(value driver.JSON) bool {
	return string(value) == string(driver.AppendString(nil, placeholder))
}
