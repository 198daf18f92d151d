// Package named reads the statements that the config gives a name: it finds their
// parameters, and refuses what is not one statement that a call can run. It knows the
// tokens of SQL and not its grammar, which the database holds the statement against.
//
// The package imports plugins/database/internal/access,
// plugins/database/internal/driver and plugins/database/internal/statement.
package named

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/statement"
)

// MaxLength is how long a statement may be, in bytes.
const MaxLength = 64 << 10

// Query is a statement with a name. It is immutable.
type Query struct {
	// Write says that it may change rows.
	Write bool
	// Rows says that it returns rows; otherwise, how many it changed.
	Rows bool
	// Params are the names of its parameters, each of them once, in their order.
	Params []string

	// pieces are its SQL between the parameters, of which there is one fewer.
	pieces []string
	// uses are the parameters, as often as they stand there.
	uses []string
}

// Text returns the statement with values for its parameters.
func (q *Query) Text(s *driver.Syntax, values map[string]any) *statement.Text {
	t := statement.NewText(s)
	for i, piece := range q.pieces {
		t.Add(piece)
		if i < len(q.uses) {
			t.Add(t.Bind(values[q.uses[i]]))
		}
	}
	return t
}

// Parse reads a statement. The text of an error is for people, and says the line and the
// column where there is one.
func Parse(x *driver.Lexis, sql string, write bool) (*Query, error) {
	if len(sql) > MaxLength {
		return nil, fmt.Errorf("has %d bytes; at most %d are allowed", len(sql), MaxLength)
	}
	if !utf8.ValidString(sql) || strings.ContainsRune(sql, 0) {
		return nil, fmt.Errorf("must be UTF-8 without NUL")
	}
	r := reader{lexis: x, sql: sql, inner: -1, query: &Query{Write: write}}
	for at := 0; at < len(sql); {
		found := scan(x, sql[at:])
		if err := r.take(found, at); err != nil {
			return nil, err
		}
		at += len(found.text)
	}
	return r.end()
}

// reader puts a query together.
type reader struct {
	lexis *driver.Lexis
	sql   string
	query *Query
	// piece is the SQL behind the last parameter.
	piece strings.Builder

	// depth is how many parentheses are open.
	depth int
	// verb is the word that says what the statement does, "" until it was there; with says
	// that it comes behind what WITH defines.
	verb string
	with bool
	// ended says that the semicolon behind the statement was there, and returned that
	// RETURNING was.
	ended, returned bool
	// last is the token before, spaces aside, and inner where a word stands that changes
	// rows if another word follows, and is a function if not; -1 for nowhere.
	last  token
	inner int
}

// position is where a byte is, for people.
func (r *reader) position(at int) string {
	before := r.sql[:at]
	start := strings.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d, column %d", strings.Count(before, "\n")+1, utf8.RuneCountInString(before[start:])+1)
}

func (r *reader) fault(at int, format string, args ...any) error {
	return fmt.Errorf("%s: %s", r.position(at), fmt.Sprintf(format, args...))
}

// take adds a token.
func (r *reader) take(t token, at int) error {
	switch t.kind {
	case unended:
		return r.fault(at, "a quote or a comment begins here and has no end")
	case executable:
		return r.fault(at, "a comment that the database runs is not allowed")
	case escaped:
		return r.fault(at, "a name with escapes is not allowed: write the name itself")
	case placeholder:
		return r.fault(at, "%s: a parameter is written as :name", t.text)
	case space:
		r.piece.WriteString(t.text)
		return nil
	}
	if r.ended {
		return r.fault(at, "a second statement begins here: a query is one")
	}
	if t.text == ";" && t.kind == other {
		r.ended = true
		return nil
	}
	if err := r.read(t, at); err != nil {
		return err
	}
	r.last = t
	if t.kind == parameter {
		r.use(t.text[1:])
		return nil
	}
	r.piece.WriteString(t.text)
	return nil
}

func (r *reader) use(name string) {
	q := r.query
	if !slices.Contains(q.Params, name) {
		q.Params = append(q.Params, name)
	}
	q.uses = append(q.uses, name)
	q.pieces = append(q.pieces, r.piece.String())
	r.piece.Reset()
}

// read looks at what a token says of the statement.
func (r *reader) read(t token, at int) error {
	if t.kind == word || t.kind == quoted {
		if name := strings.Trim(t.text, "\"`[]'"); access.IsOwn(name) {
			return r.fault(at, "%s belongs to Backflow itself and is closed to every action", name)
		}
	}
	inner := r.inner
	r.inner = -1
	switch {
	case inner >= 0 && (t.kind == word || t.kind == quoted):
		return r.changes(strings.ToUpper(r.last.text), inner)
	case t.kind == other && t.text == "(":
		r.depth++
	case t.kind == other && t.text == ")":
		r.depth--
	case t.kind == word:
		return r.word(strings.ToUpper(t.text), at)
	}
	return nil
}

// returning are the words that a statement which returns rows begins with.
var returning = []string{"SELECT", "VALUES"}

// changing are those of a statement that changes rows.
var changing = []string{"INSERT", "UPDATE", "DELETE"}

func (r *reader) word(word string, at int) error {
	returns := slices.Contains(returning, word) || slices.Contains(r.lexis.FirstWords, word)
	changes := slices.Contains(changing, word) || slices.Contains(r.lexis.ChangingWords, word)
	switch {
	case changes && r.last.text == "(" && (r.verb != "" || r.with):
		r.inner = at // one within WITH, as PostgreSQL has them
	case r.verb == "" && !r.with && word == "WITH":
		r.with = true
	case r.verb == "" && (!r.with || r.depth == 0) && (returns || changes):
		r.verb = word
		if changes {
			return r.changes(word, at)
		}
	case r.verb == "" && !r.with:
		return r.fault(at, "begins with %s: a query begins with %s", word, r.first())
	case word == "RETURNING" && r.depth == 0:
		r.returned = true
	case word == "INTO" && r.lexis.IntoOutside && !r.query.Write:
		return r.fault(at, "INTO writes to what no transaction covers")
	case r.lexis.IntoOutside && (word == "OUTFILE" || word == "DUMPFILE") && strings.EqualFold(r.last.text, "INTO"):
		return r.fault(at, "INTO %s writes to what no transaction covers", word)
	}
	return nil
}

// changes refuses a statement that changes rows and does not say so.
func (r *reader) changes(word string, at int) error {
	if r.query.Write {
		return nil
	}
	return r.fault(at, `%s changes rows: say "write": true`, word)
}

// first lists the words that a query may begin with.
func (r *reader) first() string {
	words := append(slices.Clone(returning), r.lexis.FirstWords...)
	if r.query.Write {
		words = append(append(words, changing...), r.lexis.ChangingWords...)
	}
	return strings.Join(words, ", ") + " or WITH"
}

// end returns the query.
func (r *reader) end() (*Query, error) {
	if r.verb == "" {
		return nil, fmt.Errorf("is no statement: a query begins with %s", r.first())
	}
	q := r.query
	q.Rows = r.returned || !slices.Contains(changing, r.verb) && !slices.Contains(r.lexis.ChangingWords, r.verb)
	q.pieces = append(q.pieces, strings.TrimRight(r.piece.String(), " \t\n\r\f\v"))
	return q, nil
}
