package access

import (
	"slices"
	"strings"
	"unicode"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Hide returns a failure without what it says of columns that are excluded, and of
// tables that are closed. The table is one that Open returned, nil where it is not known
// which one the failure is about.
func (r *Rules) Hide(f driver.Failure, table *driver.Table) driver.Failure {
	if r.tables == nil {
		return f
	}
	if f.Condition == driver.ForeignKeyViolation {
		// The database names the other table, and a constraint that is named after it.
		f.Message, f.Constraint, f.Fault = "a foreign key refuses it", "", ""
		if keys := r.references(table, f.Columns); keys != "" {
			f.Message += ": " + keys
		}
	}
	hidden := r.excluded()
	if table != nil {
		hidden = hidden[:0]
		for _, column := range table.Excluded {
			hidden = append(hidden, column.Name)
		}
	}
	f.Columns = slices.DeleteFunc(slices.Clone(f.Columns), func(name string) bool { return contains(hidden, name) })
	if mentions(hidden, f.Message, f.Constraint, f.Fault) {
		f.Message, f.Constraint, f.Fault = "the database refused it, for a reason that lies in what is not open here", "", ""
	}
	return f
}

// references lists the foreign keys of a table that lead to tables that are open, those
// of the columns where it is known which ones failed.
func (r *Rules) references(table *driver.Table, columns []string) string {
	if table == nil {
		return ""
	}
	var keys []string
	for _, key := range table.ForeignKeys {
		open := r.tables[key.Table] != nil || table.Schema != "" && r.tables[table.Schema+"."+key.Table] != nil
		if open && (len(columns) == 0 || slices.Equal(key.Columns, columns)) {
			keys = append(keys, strings.Join(key.Columns, ", ")+" refers to "+key.Table)
		}
	}
	return strings.Join(keys, "; ")
}

// mentions reports whether one of the texts holds one of the names, if only as a part of
// another name: constraints are named after their columns.
func mentions(names []string, texts ...string) bool {
	for _, text := range texts {
		text = strings.ToLower(text)
		if slices.ContainsFunc(names, func(name string) bool { return mentioned(text, strings.ToLower(name)) }) {
			return true
		}
	}
	return false
}

// mentioned: a short name such as "id" is in many words, and has to be one of its own
// between what is neither letter nor digit.
func mentioned(text, name string) bool {
	const short = 4
	if len(name) >= short {
		return strings.Contains(text, name)
	}
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), name)
}
