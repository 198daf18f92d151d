package statement

import (
	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Count counts the rows for which the conditions hold.
func Count(s *driver.Syntax, table *driver.Table, conditions []Condition) *Text {
	t := NewText(s)
	t.Add("SELECT COUNT(*) FROM ", tableName(s, table))
	t.Where(conditions...)
	return t
}

// Sort is a column by which rows are put in order.
type Sort struct {
	Column     driver.Column
	Descending bool
}

// Selection is what of a table is selected.
type Selection struct {
	Columns []driver.Column
	Where   []Condition
	// Order is not empty where After or Ties is there.
	Order []Sort
	// After are the values of the columns of Order, as Select returned them, of the row
	// that the first one comes after; nil for the first of all.
	After []any
	// Ties says that several rows may have the same place in the order. Those with the
	// place of After come too, since it is not known which of them are behind it.
	Ties  bool
	Limit int64
}

// Select reads rows: of each a value for each column, and then one for each column of the
// order, for After. With ties there are two more: a number that is the same for rows with
// the same place, and 1 for rows with the place of After, 0 for others.
func Select(s *driver.Syntax, table *driver.Table, selected Selection) *Text {
	t := NewText(s)
	t.Add("SELECT ", everyOf(s, selected.Columns))
	for _, sort := range selected.Order {
		t.Add(", ", t.sortValue(sort.Column))
	}
	if selected.Ties {
		t.Add(", DENSE_RANK() OVER (")
		t.orderBy(selected.Order)
		t.Add("), ")
		t.place(selected.Order, selected.After)
	}
	t.Add(" FROM ", tableName(s, table))
	where := selected.Where
	if selected.After != nil {
		where = append(where[:len(where):len(where)], after(s, selected.Order, selected.After, selected.Ties)...)
	}
	t.Where(where...)
	t.Add(" ")
	t.orderBy(selected.Order)
	t.Add(" LIMIT ", t.Bind(selected.Limit))
	return t
}

// orderBy adds ORDER BY; nothing for no order.
func (t *Text) orderBy(order []Sort) {
	for i, sort := range order {
		if i == 0 {
			t.Add("ORDER BY ")
		} else {
			t.Add(", ")
		}
		t.Add(t.compared(sort.Column))
		if sort.Descending {
			t.Add(" DESC")
		}
	}
}

// place adds whether a row has a place in an order.
func (t *Text) place(order []Sort, values []any) {
	if values == nil {
		t.Add("0")
		return
	}
	t.Add("CASE WHEN ")
	for i, sort := range order {
		if i > 0 {
			t.Add(" AND ")
		}
		t.condition(equal(sort.Column, values[i]))
	}
	t.Add(" THEN 1 ELSE 0 END")
}

// equal is the condition that a column has a value, which may be nil.
func equal(column driver.Column, value any) Condition {
	if value == nil {
		return Condition{Column: column, Test: IsNull}
	}
	return Condition{Column: column, Test: Equal, Values: []any{value}}
}

// Identity is a text that is the same for selections from a table that have the same
// rows in the same order, but for where they begin and how many they are: the SQL, with
// the values that are to be bound.
func Identity(s *driver.Syntax, table *driver.Table, selected Selection) *Text {
	selected.Columns, selected.After, selected.Limit = nil, nil, 0
	return Select(s, table, selected)
}

// sortValue reads what a column is put in order by.
func (t *Text) sortValue(column driver.Column) string {
	if compared := t.compared(column); compared != t.Name(column) {
		return compared
	}
	return everyOf(t.Syntax, []driver.Column{column})
}

// everyOf lists the expressions that read columns.
func everyOf(s *driver.Syntax, columns []driver.Column) string {
	return everyColumn(s, &driver.Table{Columns: columns})
}

// after returns the conditions for the rows that come after one with these values in an
// order: with ties, those with the same values too.
func after(s *driver.Syntax, order []Sort, values []any, ties bool) []Condition {
	first, value := order[0], values[0]
	var conditions []Condition
	if !first.Column.Nullable && value != nil && len(order) > 1 {
		// The rest says this too. Databases use an index for it by this one alone.
		test := GreaterOrEqual
		if first.Descending {
			test = LessOrEqual
		}
		conditions = append(conditions, Condition{Column: first.Column, Test: test, Values: []any{value}})
	}
	return append(conditions, behind(s, order, values, ties))
}

// behind is after in one condition.
func behind(s *driver.Syntax, order []Sort, values []any, ties bool) Condition {
	first, value := order[0], values[0]
	found := beyond(s, first, value)
	same := equal(first.Column, value)
	if len(order) > 1 {
		same = Condition{All: []Condition{same, behind(s, order[1:], values[1:], ties)}}
	} else if !ties {
		return Condition{Any: found}
	}
	return Condition{Any: append(found, same)}
}

// beyond returns conditions, of which one holds where a column has a value that comes after
// another one.
func beyond(s *driver.Syntax, sort Sort, value any) []Condition {
	nullsFirst := s.NullsFirst != sort.Descending
	if value == nil {
		if nullsFirst {
			return []Condition{{Column: sort.Column, Test: IsNotNull}}
		}
		return []Condition{{Column: sort.Column, Test: In}} // none
	}
	test := Greater
	if sort.Descending {
		test = Less
	}
	found := []Condition{{Column: sort.Column, Test: test, Values: []any{value}}}
	if sort.Column.Nullable && !nullsFirst {
		found = append(found, Condition{Column: sort.Column, Test: IsNull})
	}
	return found
}
