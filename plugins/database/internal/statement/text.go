package statement

import (
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Text is a statement under way, with the values that it binds, in their order. No
// value is ever part of the text.
type Text struct {
	Syntax *driver.Syntax
	// Values are those to bind.
	Values []any

	text strings.Builder
}

// NewText returns an empty statement.
func NewText(s *driver.Syntax) *Text { return &Text{Syntax: s} }

// Add adds pieces of SQL.
func (t *Text) Add(pieces ...string) {
	for _, piece := range pieces {
		t.text.WriteString(piece)
	}
}

// Bind returns the placeholder of a further value.
func (t *Text) Bind(value any) string {
	t.Values = append(t.Values, value)
	return t.Syntax.Placeholder(len(t.Values))
}

// Name returns the identifier of a column.
func (t *Text) Name(column driver.Column) string { return t.Syntax.Identifier(column.Name) }

// String returns the statement.
func (t *Text) String() string { return t.text.String() }
