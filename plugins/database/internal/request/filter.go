package request

import (
	"slices"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
)

// Operator is what a filter holds a column against its value by.
type Operator string

// The operators.
const (
	Equal          Operator = "eq"
	NotEqual       Operator = "neq"
	Greater        Operator = "gt"
	GreaterOrEqual Operator = "gte"
	Less           Operator = "lt"
	LessOrEqual    Operator = "lte"
	Like           Operator = "like"
	LikeFold       Operator = "ilike"
	In             Operator = "in"
	Is             Operator = "is"
	Contains       Operator = "contains"
	Between        Operator = "between"
)

// Operators are all of them, in the order in which they are listed.
var Operators = []Operator{Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual, Like, LikeFold, In, Is, Contains, Between}

// maxFilterDepth is how deep filters may be nested, maxFilters how many conditions one
// request may have, and maxListed how many values a list of in.
const (
	maxFilterDepth = 16
	maxFilters     = 200
	maxListed      = 1000
)

// Filter is a condition on rows: either that of a column, or one that is made of
// others.
type Filter struct {
	// At is the pointer to the condition, and ColumnAt and ValueAt are those to what it
	// names and to what it compares with.
	At, ColumnAt, ValueAt string

	// Column is empty for one that is made of others.
	Column   string
	Operator Operator
	// Value is what the operator takes: a list for In, one of two for Between, null,
	// true, false or "not null" for Is, a string for Like and LikeFold, otherwise any
	// value that is not null.
	Value driver.JSON
	// Text says that Value has texts, or is one, that are to be read as values of the
	// column, as a query of a URL has them.
	Text bool

	// All, Any, Not: every one of them holds, at least one does, or it does not. One of
	// the three is there where Column is empty.
	All, Any []Filter
	Not      *Filter
}

// filters reads a list of filters, all of which have to hold. It may not be empty.
func (p place) filters() []Filter {
	left := maxFilters
	return p.filterList(1, &left)
}

// anyFilters is filters of which there may be none.
func (p place) anyFilters() []Filter {
	if string(p.json) == "[]" {
		return nil
	}
	return p.filters()
}

func (p place) filterList(depth int, left *int) []Filter {
	items := p.items(maxFilters)
	if p.json.Kind() == '[' && string(p.json) == "[]" {
		p.fault("must not be empty: an empty list would mean every row")
	}
	var read []Filter
	for _, item := range items {
		if filter, ok := item.filter(depth, left); ok {
			read = append(read, filter)
		}
	}
	return read
}

// filter reads one filter; ok is false if it has a fault.
func (p place) filter(depth int, left *int) (read Filter, ok bool) {
	faults := len(p.faults)
	if depth > maxFilterDepth {
		p.fault("is nested more than %d deep", maxFilterDepth)
		return read, false
	}
	if *left--; *left < 0 {
		if *left == -1 {
			p.fault("there are more than %d conditions", maxFilters)
		}
		return read, false
	}
	read.At = p.at
	given, _ := p.object("a filter has no", "the filter's",
		optional("column", func(v place) { read.Column, read.ColumnAt = v.text(), v.at }),
		optional("operator", func(v place) { read.Operator = v.operator() }),
		optional("value", func(v place) { read.Value, read.ValueAt = v.json, v.at }),
		optional("and", func(v place) { read.All = v.filterList(depth+1, left) }),
		optional("or", func(v place) { read.Any = v.filterList(depth+1, left) }),
		optional("not", func(v place) { read.Not = v.negated(depth+1, left) }),
	)
	if len(p.faults) > faults {
		return read, false
	}
	_, column := given["column"]
	_, operator := given["operator"]
	value, hasValue := given["value"]
	switch {
	case column && operator && hasValue && len(given) == 3:
		p.below("value", value).operand(read.Operator)
	case len(given) == 1 && (read.All != nil || read.Any != nil || read.Not != nil):
	default:
		p.fault("must have column, operator and value, or one of and, or, not")
	}
	return read, len(p.faults) == faults
}

// negated reads what is not to hold: a filter, or a list of them that would all have to.
func (p place) negated(depth int, left *int) *Filter {
	if p.json.Kind() == '[' {
		return &Filter{At: p.at, All: p.filterList(depth, left)}
	}
	read, _ := p.filter(depth, left)
	return &read
}

func (p place) operator() Operator {
	text := p.text()
	if slices.Contains(Operators, Operator(text)) {
		return Operator(text)
	}
	if p.json.Kind() == '"' {
		p.fault("there is no operator %s%s", failure.Shown(text), failure.Suggestion(text, operatorNames()))
	}
	return ""
}

// operand checks that a value is one that the operator takes. Whether it is one of the
// column is for the database.
func (p place) operand(operator Operator) {
	switch operator {
	case Like, LikeFold:
		if p.json.Kind() != '"' {
			p.fault("must be a string: %s takes a pattern, with %% and _ as in SQL", operator)
		}
	case In:
		for _, item := range p.items(maxListed) {
			item.compared(operator)
		}
	case Between:
		items := p.items(maxListed)
		if len(items) != 2 && p.json.Kind() == '[' {
			p.fault("must be a list of two values, the least and the greatest")
		}
		for _, item := range items {
			item.compared(operator)
		}
	case Is:
		if text := string(p.json); text != "null" && text != "true" && text != "false" && text != `"not null"` {
			p.fault(`must be null, true, false or "not null"`)
		}
	default:
		p.compared(operator)
	}
}

// compared refuses null, which in SQL nothing is equal to.
func (p place) compared(operator Operator) {
	if p.json.Kind() == 'n' {
		p.fault("must not be null: no value compares with null by %s; use the operator is", operator)
	}
}
