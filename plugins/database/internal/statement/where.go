package statement

import (
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Test is what a condition holds a column against its values by.
type Test int

// The tests. Those that compare hold for no row whose column is NULL.
const (
	Equal Test = iota
	NotEqual
	Greater
	GreaterOrEqual
	Less
	LessOrEqual
	// Between takes the least and the greatest value, both of them included.
	Between
	// In takes any number of values; with none it holds for no row.
	In
	// Like and LikeFold take a pattern as Syntax.LikePattern makes it.
	Like
	LikeFold
	Contains
	// The others take no value.
	IsNull
	IsNotNull
	IsTrue
	IsFalse
)

// compare are the operators of the tests that take one value.
var compare = map[Test]string{
	Equal: " = ", NotEqual: " <> ", Greater: " > ", GreaterOrEqual: " >= ", Less: " < ", LessOrEqual: " <= ",
}

// is are the operators of the tests that take no value.
var is = map[Test]string{IsNull: " IS NULL", IsNotNull: " IS NOT NULL", IsTrue: " IS TRUE", IsFalse: " IS FALSE"}

// Condition is a condition on rows: a test of a column, or one that is made of others.
type Condition struct {
	Column driver.Column
	Test   Test
	// Values are bound.
	Values []any

	// All, Any, Not: every one of them holds, at least one does, or it does not. Column
	// is not looked at where one of the three is there.
	All, Any []Condition
	Not      *Condition
}

// Where adds the WHERE of conditions that all have to hold; nothing if there are none.
func (t *Text) Where(conditions ...Condition) {
	if len(conditions) > 0 {
		t.Add(" WHERE ")
		t.join(" AND ", conditions)
	}
}

// join adds conditions with a word between them.
func (t *Text) join(word string, conditions []Condition) {
	for i, condition := range conditions {
		if i > 0 {
			t.Add(word)
		}
		t.condition(condition)
	}
}

// condition adds a condition that can stand beside any other.
func (t *Text) condition(c Condition) {
	switch {
	case c.All != nil:
		t.Add("(")
		t.join(" AND ", c.All)
		t.Add(")")
	case c.Any != nil:
		t.Add("(")
		t.join(" OR ", c.Any)
		t.Add(")")
	case c.Not != nil:
		t.Add("NOT (")
		t.condition(*c.Not)
		t.Add(")")
	default:
		t.test(c)
	}
}

func (t *Text) test(c Condition) {
	name := t.Name(c.Column)
	switch c.Test {
	case IsNull, IsNotNull, IsTrue, IsFalse:
		t.Add(name, is[c.Test])
	case Like, LikeFold:
		t.Add(t.Syntax.Like(name, t.Bind(c.Values[0]), c.Test == LikeFold))
	case Contains:
		t.Add(t.Syntax.Contains(c.Column, name, t.Bind(c.Values[0])))
	case Between:
		t.Add(t.compared(c.Column), " BETWEEN ", t.bindFor(c.Column, c.Values[0]), " AND ", t.bindFor(c.Column, c.Values[1]))
	case In:
		if len(c.Values) == 0 {
			t.Add("1 = 0")
			return
		}
		places := make([]string, len(c.Values))
		for i, value := range c.Values {
			places[i] = t.bindFor(c.Column, value)
		}
		t.Add(t.compared(c.Column), " IN (", strings.Join(places, ", "), ")")
	default:
		t.Add(t.compared(c.Column), compare[c.Test], t.bindFor(c.Column, c.Values[0]))
	}
}

// compared returns the expression by which a column is compared and put in order.
func (t *Text) compared(column driver.Column) string {
	if t.Syntax.Compared == nil {
		return t.Name(column)
	}
	return t.Syntax.Compared(column, t.Name(column), false)
}

// bindFor returns what stands for a value that compared is held against.
func (t *Text) bindFor(column driver.Column, value any) string {
	place := t.Bind(value)
	if t.Syntax.Compared == nil {
		return place
	}
	return t.Syntax.Compared(column, place, true)
}
