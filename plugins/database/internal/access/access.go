// Package access says what of a database is open to the actions: which tables, for which
// of the actions, without which columns. A table comes to an action through Rules.Open
// and in no other way.
//
// The package imports plugins/database/internal/driver,
// plugins/database/internal/failure, plugins/database/internal/statement, sdk and
// sdk/pointer.
package access

import (
	"slices"
	"sync/atomic"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Operation is what an action does to a table. Its text is the name of the action.
type Operation string

// The operations.
const (
	Insert     Operation = "insert"
	InsertMany Operation = "insertMany"
	Upsert     Operation = "upsert"
	Update     Operation = "update"
	Delete     Operation = "delete"
	Get        Operation = "get"
	Select     Operation = "select"
	Count      Operation = "count"
)

// Operations are all of them.
var Operations = []Operation{Insert, InsertMany, Upsert, Update, Delete, Get, Select, Count}

// reads reports whether an operation changes nothing.
func (o Operation) reads() bool { return o == Get || o == Select || o == Count }

// Rule is what is open of a table.
type Rule struct {
	// Operations are those that are open; nil for all.
	Operations []Operation
	// Exclude are columns that are for no action as if they were not there. The case of
	// letters does not count.
	Exclude []string
}

// opens reports whether an operation is open. Who may insert one row may insert many.
func (r Rule) opens(operation Operation) bool {
	return r.Operations == nil || slices.Contains(r.Operations, operation) ||
		operation == InsertMany && slices.Contains(r.Operations, Insert)
}

// Rules are what is open of a database. They are immutable and safe for concurrent use.
type Rules struct {
	// tables is nil where every table is open.
	tables map[string]*opened
}

// opened is a table with a rule.
type opened struct {
	Rule
	// last is what was returned last of the table.
	last atomic.Pointer[view]
}

// everything is the rule of a table where every table is open.
var everything opened

// view is a table, and what is open of it.
type view struct{ whole, open *driver.Table }

// New returns the rules for tables by name. Where there is any, every other table is
// closed; nil opens all.
func New(tables map[string]Rule) *Rules {
	rules := new(Rules)
	if tables == nil {
		return rules
	}
	rules.tables = make(map[string]*opened, len(tables))
	for name, rule := range tables {
		rules.tables[name] = &opened{Rule: rule}
	}
	return rules
}

// excluded are the names of the columns that are excluded from any table.
func (r *Rules) excluded() []string {
	var names []string
	for _, table := range r.tables {
		names = append(names, table.Exclude...)
	}
	return names
}
