package resource

import (
	"fmt"
	"strconv"
	"strings"
)

// FieldKind says how a field can be searched.
type FieldKind int

const (
	// TokenField is text that is compared whole, without regard to case.
	TokenField FieldKind = iota
	// StringField is text in which ~ finds parts, too.
	StringField
	// NumericField is a number that can be compared.
	NumericField
)

// SearchFields are the fields of a type that can be searched, dotted where they are
// nested. metadata['key'] can be searched in all types.
type SearchFields map[string]FieldKind

// clause is one comparison of a query.
type clause struct {
	negated  bool
	field    string
	metadata bool
	operator string
	// text is nil for null.
	text *string
}

// query is a parsed search: its clauses are joined by AND, or by OR.
type query struct {
	clauses []clause
	or      bool
}

// maxQuery and maxClauses bound a search query
// (https://docs.stripe.com/search#search-query-language).
const (
	maxQuery   = 5000
	maxClauses = 10
)

// parseQuery reads Stripe's search query language.
func parseQuery(text string, fields SearchFields) (query, error) {
	if len(text) > maxQuery {
		return query{}, fmt.Errorf("it is longer than %d characters", maxQuery)
	}
	p := &queryParser{rest: text}
	var q query
	for joiner := ""; ; {
		one, err := p.clause(fields)
		if err != nil {
			return query{}, err
		}
		if q.clauses = append(q.clauses, one); len(q.clauses) > maxClauses {
			return query{}, fmt.Errorf("it has more than %d clauses", maxClauses)
		}
		p.space()
		if p.rest == "" {
			return q, nil
		}
		word := p.word()
		joined := strings.ToUpper(word)
		switch {
		case joined != "AND" && joined != "OR":
			// Clauses that nothing joins are joined by AND.
			p.rest, joined = word+p.rest, "AND"
		case p.rest == "":
			return query{}, fmt.Errorf("nothing follows %s", word)
		}
		if joiner != "" && joiner != joined {
			return query{}, fmt.Errorf("AND and OR cannot be combined in one query")
		}
		joiner, q.or = joined, joined == "OR"
	}
}

type queryParser struct{ rest string }

func (p *queryParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// word takes letters, digits, underscores and dots.
func (p *queryParser) word() string {
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

func (p *queryParser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

func (p *queryParser) clause(fields SearchFields) (clause, error) {
	p.space()
	c := clause{negated: p.take("-")}
	if c.field = p.word(); c.field == "" {
		return clause{}, fmt.Errorf("a field is missing at %q", p.rest)
	}
	kind, known := fields[c.field]
	if c.field == "metadata" {
		if !p.take("[") {
			return clause{}, fmt.Errorf("metadata is searched by key, as in metadata['order']:'1'")
		}
		key, err := p.quoted()
		if err != nil {
			return clause{}, err
		}
		if !p.take("]") {
			return clause{}, fmt.Errorf("] is missing at %q", p.rest)
		}
		c.field, c.metadata, kind, known = key, true, TokenField, true
	}
	if !known {
		return clause{}, fmt.Errorf("the field %q cannot be searched", c.field)
	}
	if c.operator = p.operator(); c.operator == "" {
		return clause{}, fmt.Errorf("an operator is missing at %q", p.rest)
	}
	if len(c.operator) > 0 && strings.ContainsAny(c.operator, "<>") && kind != NumericField {
		return clause{}, fmt.Errorf("%s is for numbers, which %q does not hold", c.operator, c.field)
	}
	if c.operator == "~" && kind != StringField {
		return clause{}, fmt.Errorf("~ is for strings, which %q does not hold", c.field)
	}
	return c, p.value(&c, kind)
}

func (p *queryParser) operator() string {
	p.space()
	for _, operator := range []string{">=", "<=", ">", "<", ":", "~"} {
		if p.take(operator) {
			return operator
		}
	}
	return ""
}

func (p *queryParser) value(c *clause, kind FieldKind) error {
	p.space()
	if strings.HasPrefix(p.rest, "'") || strings.HasPrefix(p.rest, `"`) {
		text, err := p.quoted()
		if err != nil {
			return err
		}
		if c.operator == "~" && len([]rune(text)) < 3 {
			return fmt.Errorf("~ needs at least three characters")
		}
		c.text = &text
	} else {
		negative := p.take("-")
		text := p.word()
		if negative {
			text = "-" + text
		}
		switch {
		case strings.EqualFold(text, "null") && c.operator == ":":
			return nil
		case text == "":
			return fmt.Errorf("a value is missing at %q", p.rest)
		}
		_, err := strconv.ParseInt(text, 10, 64)
		if err != nil && !strings.EqualFold(text, "true") && !strings.EqualFold(text, "false") {
			return fmt.Errorf("the value %q is not in quotes", text)
		}
		c.text = &text
	}
	if kind == NumericField {
		if _, err := strconv.ParseInt(*c.text, 10, 64); err != nil {
			return fmt.Errorf("%q is not an integer", *c.text)
		}
	}
	return nil
}

// quoted takes text in quotes, in which a backslash takes the meaning of the
// character after it.
func (p *queryParser) quoted() (string, error) {
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		return "", fmt.Errorf("a quote is missing at %q", p.rest)
	}
	quote := p.rest[0]
	var text strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '\\':
			if i++; i < len(p.rest) {
				text.WriteByte(p.rest[i])
			}
		case quote:
			p.rest = p.rest[i+1:]
			return text.String(), nil
		default:
			text.WriteByte(p.rest[i])
		}
	}
	return "", fmt.Errorf("a quote is not closed")
}

// matches says whether an object is one that the query asks for.
func (q query) matches(o Object) bool {
	for _, c := range q.clauses {
		if c.matches(o) == q.or {
			return q.or
		}
	}
	return !q.or
}

func (c clause) matches(o Object) bool { return c.holds(o) != c.negated }

func (c clause) holds(o Object) bool {
	value := c.value(o)
	if value == nil || value == "" {
		return c.text == nil
	}
	if c.text == nil {
		return false
	}
	switch v := value.(type) {
	case string:
		if c.operator == "~" {
			return strings.Contains(strings.ToLower(v), strings.ToLower(*c.text))
		}
		return strings.EqualFold(v, *c.text)
	case bool:
		return strings.EqualFold(strconv.FormatBool(v), *c.text)
	case int64:
		want, err := strconv.ParseInt(*c.text, 10, 64)
		if err != nil {
			return false
		}
		switch c.operator {
		case ">":
			return v > want
		case ">=":
			return v >= want
		case "<":
			return v < want
		case "<=":
			return v <= want
		}
		return v == want
	}
	return false
}

func (c clause) value(o Object) any {
	if c.metadata {
		return o.Object("metadata")[c.field]
	}
	parts := strings.Split(c.field, ".")
	for _, part := range parts[:len(parts)-1] {
		o = o.Object(part)
	}
	return o[parts[len(parts)-1]]
}
