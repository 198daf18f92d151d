package request

import (
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
)

// where reads conditions as the query of a URL has them: for each name a list of texts,
// each an operator and, behind a point, what it takes. All of them have to hold. The name
// is that of a column; one in double quotes is the same without them, so that every
// column can be named, also one whose name means something else in a query.
func (p place) where() []Filter {
	if p.json.Kind() != '{' {
		p.fault("must be an object of columns and lists of texts")
		return nil
	}
	members, err := ReadObject(p.json)
	if err != nil {
		p.fault("%v", err)
	}
	var filters []Filter
	left := maxFilters
	for _, member := range members {
		name := p.below(member.Name, member.Value)
		for _, text := range name.items(maxFilters) {
			if left--; left < 0 {
				p.fault("there are more than %d conditions", maxFilters)
				return nil
			}
			filter, ok := text.queried(unquotedName(member.Name))
			if !ok {
				continue
			}
			filters = append(filters, filter)
		}
	}
	return filters
}

// unquotedName is a name without the quotes around it.
func unquotedName(name string) string {
	if len(name) > 2 && strings.HasPrefix(name, `"`) && strings.HasSuffix(name, `"`) {
		return name[1 : len(name)-1]
	}
	return name
}

// queried reads one condition on a column, such as "eq.paid" or "not.in.(a,b)".
func (p place) queried(column string) (read Filter, ok bool) {
	if p.json.Kind() != '"' {
		p.fault("must be a string")
		return read, false
	}
	faults := len(p.faults)
	whole := p.text()
	text, negated := strings.CutPrefix(whole, "not.")
	name, operand, found := strings.Cut(text, ".")
	operator := Operator(name)
	if !found || !slices.Contains(Operators, operator) {
		hint := ""
		if found {
			hint = failure.Suggestion(name, operatorNames())
		}
		p.fault("has no operator: write eq. before the value, as in %s; operators are %s%s",
			failure.Shown(column+"=eq.paid"), strings.Join(operatorNames(), ", "), hint)
		return read, false
	}
	read = Filter{At: p.at, ColumnAt: p.at, ValueAt: p.at, Column: column, Operator: operator, Text: true}
	switch operator {
	case Is:
		read.Text = false
		switch operand {
		case "null", "true", "false":
			read.Value = driver.JSON(operand)
		case "not.null":
			read.Value = driver.JSON(`"not null"`)
		default:
			p.fault("is takes null, not.null, true or false, as in is.null")
		}
	case In, Between:
		read.Value = p.listedValues(operator, operand)
	default:
		read.Value = driver.AppendString(nil, operand)
	}
	if len(p.faults) > faults {
		return read, false
	}
	if negated {
		inner := read
		read = Filter{At: p.at, ColumnAt: p.at, ValueAt: p.at, Not: &inner}
	}
	return read, true
}

// listedValues reads "(a,b)" as a JSON list of texts.
func (p place) listedValues(operator Operator, operand string) driver.JSON {
	inner, opened := strings.CutPrefix(operand, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !opened || !closed {
		p.fault(`%s takes a list in parentheses, as in %s.(1,5); a text with a comma in it stands in double quotes`, operator, operator)
		return nil
	}
	var items []string
	if inner != "" {
		var err error
		if items, err = Listed(inner); err != nil {
			p.fault("the list %v", err)
			return nil
		}
	}
	switch {
	case operator == Between && len(items) != 2:
		p.fault("between takes two values, the least and the greatest, as in between.(1,5)")
	case len(items) > maxListed:
		p.fault("has %d items; at most %d are allowed", len(items), maxListed)
	}
	list := driver.JSON{'['}
	for i, item := range items {
		if i > 0 {
			list = append(list, ',')
		}
		list = driver.AppendString(list, item)
	}
	return append(list, ']')
}

// listedColumns reads "id,status".
func (p place) listedColumns() []Name {
	var columns []Name
	for i, text := range p.listed(maxNames) {
		for _, other := range columns {
			if other.Text == text {
				p.fault("item %d is named twice", i+1)
			}
		}
		columns = append(columns, Name{text, p.at})
	}
	return columns
}

// listedOrder reads "created.desc,id".
func (p place) listedOrder() []Order {
	var order []Order
	for _, text := range p.listed(maxOrder) {
		name, descending := strings.CutSuffix(text, ".desc")
		if !descending {
			name = strings.TrimSuffix(name, ".asc")
		}
		order = append(order, Order{Column: Name{name, p.at}, Descending: descending})
	}
	return order
}

// listed reads a text of at most a number of names with commas between them.
func (p place) listed(most int) []string {
	text := p.text()
	if text == "" {
		if p.json.Kind() == '"' {
			p.fault("must not be empty")
		}
		return nil
	}
	names, err := Listed(text)
	switch {
	case err != nil:
		p.fault("%v", err)
	case len(names) > most:
		p.fault("has %d items; at most %d are allowed", len(names), most)
		return nil
	}
	return names
}

func operatorNames() []string {
	names := make([]string, len(Operators))
	for i, operator := range Operators {
		names[i] = string(operator)
	}
	return names
}
