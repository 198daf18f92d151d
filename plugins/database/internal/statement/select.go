package statement

import "github.com/backflow/backflow/plugins/database/internal/driver"

// Count counts the rows for which the conditions hold.
func Count(s *driver.Syntax, table *driver.Table, conditions []Condition) *Text {
	t := NewText(s)
	t.Add("SELECT COUNT(*) FROM ", tableName(s, table))
	t.Where(conditions...)
	return t
}
