package access

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// Schema is the real one.
type Schema interface {
	// Describe returns the table of exactly this name, or driver.ErrNoTable.
	Describe(name string) (*driver.Table, error)
	// TableNames lists the tables and views.
	TableNames() ([]string, error)
}

// Open returns the table of exactly this name as far as it is open: a column that is
// excluded is not there. at is the pointer of the params that name the table. Whether a
// table is there cannot be told from the refusal of one that is closed.
func (r *Rules) Open(schema Schema, at, name string, operation Operation) (*driver.Table, error) {
	place := pointer.Join(at, "table")
	if IsOwn(name) {
		return nil, ownTable(place, name)
	}
	table, err := schema.Describe(name)
	if err != nil && !errors.Is(err, driver.ErrNoTable) {
		return nil, fmt.Errorf("describe table: %w", err)
	}
	if table != nil && IsOwn(table.Name) {
		return nil, ownTable(place, name)
	}
	rule, err := r.rule(schema, name, table)
	switch {
	case err != nil:
		return nil, err
	case rule == nil:
		return nil, failure.Closed(place, "table %s is closed: \"tables\" of the database's credentials does not name it%s", failure.Shown(name), failure.Suggestion(name, r.names()))
	case !rule.opens(operation):
		return nil, failure.Closed(place, "table %s is closed to %s: \"tables\" of the database's credentials opens it to %s", failure.Shown(name), operation, list(rule.Operations))
	case table == nil:
		return nil, r.unknown(schema, place, name)
	case table.View && !operation.reads():
		return nil, failure.Invalid(failure.Fault(place, "%s is a view, whose rows can only be read", failure.Shown(name)))
	case table.NoTransactions && !operation.reads():
		return nil, failure.Invalid(failure.Fault(place, "%s takes no part in transactions, so that its rows can only be read here; ALTER TABLE … ENGINE = InnoDB changes that", failure.Shown(name)))
	}
	open := rule.open(table)
	if open == nil {
		return nil, failure.Closed(place, "table %s is closed: what is to be excluded of it names a column that it does not have", failure.Shown(name))
	}
	return open, nil
}

// rule returns the rule for a table, by the name that is asked for, or by another name
// of the same table: with or without its schema. It is nil for a table that is closed.
func (r *Rules) rule(schema Schema, name string, table *driver.Table) (*opened, error) {
	if r.tables == nil {
		return &everything, nil
	}
	if rule := r.tables[name]; rule != nil || table == nil {
		return rule, nil
	}
	for other, rule := range r.tables {
		if !strings.Contains(name, ".") && !strings.Contains(other, ".") {
			continue
		}
		same, err := schema.Describe(other)
		switch {
		case errors.Is(err, driver.ErrNoTable):
		case err != nil:
			return nil, fmt.Errorf("describe table: %w", err)
		case same.Schema == table.Schema && same.Name == table.Name:
			return rule, nil
		}
	}
	return nil, nil
}

// unknown returns the error for a table that is not there.
func (r *Rules) unknown(schema Schema, place, name string) error {
	// A table may have a rule and not be there.
	known := slices.DeleteFunc(r.names(), func(other string) bool { return other == name })
	if r.tables == nil {
		names, err := schema.TableNames()
		if err != nil {
			return err
		}
		known = slices.DeleteFunc(names, IsOwn)
	}
	return failure.Invalid(failure.Fault(place, "there is no table %s%s", failure.Shown(name), failure.Suggestion(name, known)))
}

// names lists the tables that have a rule.
func (r *Rules) names() []string { return slices.Sorted(maps.Keys(r.tables)) }

// ownTable: writing to backflow_keys would decide what a repeat returns.
func ownTable(place, name string) *sdk.Error {
	return failure.Closed(place, "table %s belongs to Backflow itself and is closed to every action", failure.Shown(name))
}

// IsOwn reports whether a name is that of a table of the plugin.
func IsOwn(table string) bool {
	return strings.EqualFold(table, statement.KeysTable) || strings.EqualFold(table, statement.LocksTable) || strings.EqualFold(table, goose.DefaultTablename)
}

func list(operations []Operation) string {
	names := make([]string, len(operations))
	for i, operation := range operations {
		names[i] = string(operation)
	}
	return strings.Join(names, ", ")
}
