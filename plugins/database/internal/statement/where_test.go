package statement

import (
	"testing"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/google/go-cmp/cmp"
)

// TestConditionsBindTheirValues: each is written as it is in SQL, whatever it stands
// beside, and no value is in the text.
func TestConditionsBindTheirValues(t *testing.T) {
	syntax := numbered
	syntax.Like = func(expression, pattern string, fold bool) string {
		if fold {
			return expression + " ILIKE " + pattern
		}
		return expression + " LIKE " + pattern
	}
	syntax.Contains = func(_ driver.Column, expression, value string) string { return expression + " @> " + value }
	syntax.Compared = func(column driver.Column, expression string, bound bool) string {
		switch {
		case column.Name != "at":
			return expression
		case bound:
			return "instant(" + expression + ")"
		}
		return "canonical(" + expression + ")"
	}
	a, b, at := driver.Column{Name: "a"}, driver.Column{Name: "b`"}, driver.Column{Name: "at"}
	test := func(column driver.Column, test Test, values ...any) Condition {
		return Condition{Column: column, Test: test, Values: values}
	}
	for _, c := range []struct {
		given  []Condition
		want   string
		values []any
	}{
		{nil, "", nil},
		{[]Condition{test(a, Equal, 1), test(b, NotEqual, "x")}, " WHERE `a` = $1 AND `b``` <> $2", []any{1, "x"}},
		{[]Condition{test(a, Greater, 1), test(a, GreaterOrEqual, 2), test(a, Less, 3), test(a, LessOrEqual, 4)}, " WHERE `a` > $1 AND `a` >= $2 AND `a` < $3 AND `a` <= $4", []any{1, 2, 3, 4}},
		{[]Condition{test(a, In, 1, 2), test(a, In)}, " WHERE `a` IN ($1, $2) AND 1 = 0", []any{1, 2}},
		{[]Condition{test(at, Between, 1, 2), test(at, In, 3)}, " WHERE canonical(`at`) BETWEEN instant($1) AND instant($2) AND canonical(`at`) IN (instant($3))", []any{1, 2, 3}},
		{[]Condition{test(a, Like, "x%"), test(a, LikeFold, "y%"), test(a, Contains, "z")}, " WHERE `a` LIKE $1 AND `a` ILIKE $2 AND `a` @> $3", []any{"x%", "y%", "z"}},
		{[]Condition{test(at, IsNull), test(a, IsNotNull), test(a, IsTrue), test(a, IsFalse)}, " WHERE `at` IS NULL AND `a` IS NOT NULL AND `a` IS TRUE AND `a` IS FALSE", nil},
		{
			[]Condition{
				{Any: []Condition{test(a, Equal, 1), {All: []Condition{test(a, Equal, 2), test(b, Equal, 3)}}}},
				{Not: &Condition{Any: []Condition{test(a, In)}}},
			},
			" WHERE (`a` = $1 OR (`a` = $2 AND `b``` = $3)) AND NOT ((1 = 0))", []any{1, 2, 3},
		},
	} {
		text := NewText(&syntax)
		text.Where(c.given...)
		if text.String() != c.want || !cmp.Equal(text.Values, c.values) {
			t.Errorf("got  %s %v\nwant %s %v", text, text.Values, c.want, c.values)
		}
	}
}
