package sqlite

import (
	"regexp"
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// failedCheck is what SQLite says before the name of a CHECK constraint, or before
// its expression where it has no name.
const failedCheck = "CHECK constraint failed: "

// checkedColumns are the columns that the CHECK constraint of a message speaks of,
// in the table's order.
func checkedColumns(message string, table *driver.Table) []string {
	expression, ok := strings.CutPrefix(message, failedCheck)
	if !ok || table == nil {
		return nil
	}
	if named, ok := table.Checks[expression]; ok {
		expression = named
	}
	words := identifiers(expression)
	var columns []string
	for _, column := range table.Columns {
		if slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(word, column.Name) }) {
			columns = append(columns, column.Name)
		}
	}
	return columns
}

// token is a piece of SQL: a text in quotes, a name (as it is or in one of the three
// ways in which SQLite takes it quoted), a comment, or one other character
// (https://www.sqlite.org/lang_keywords.html).
var token = regexp.MustCompile("(?s)'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\\[[^\\]]*\\]|--[^\n]*|/\\*.*?\\*/|[\\pL_][\\pL\\pN_$]*|\\s+|.")

// identifiers are the names in an expression, unquoted; keywords and functions are
// among them.
func identifiers(expression string) []string {
	var found []string
	for _, piece := range token.FindAllString(expression, -1) {
		if name, ok := unquoted(piece); ok {
			found = append(found, name)
		}
	}
	return found
}

// unquoted returns the name that a token is; ok is false for other tokens.
func unquoted(piece string) (name string, ok bool) {
	switch first := piece[0]; {
	case (first == '"' || first == '`' || first == '[') && len(piece) < 2:
		return "", false // it has no end
	case first == '"' || first == '`':
		quote := piece[:1]
		return strings.ReplaceAll(piece[1:len(piece)-1], quote+quote, quote), true
	case first == '[':
		return piece[1 : len(piece)-1], true
	case first == '_' || first >= 0x80 || 'a' <= first|0x20 && first|0x20 <= 'z':
		return piece, true
	}
	return "", false
}

// namedChecks are the expressions of the CHECK constraints that the CREATE TABLE of
// a table gives a name.
func namedChecks(create string) map[string]string {
	var pieces []string
	for _, piece := range token.FindAllString(create, -1) {
		if strings.TrimSpace(piece) != "" && !strings.HasPrefix(piece, "--") && !strings.HasPrefix(piece, "/*") {
			pieces = append(pieces, piece)
		}
	}
	checks := make(map[string]string)
	for i := 0; i+3 < len(pieces); i++ {
		if !strings.EqualFold(pieces[i], "CONSTRAINT") || !strings.EqualFold(pieces[i+2], "CHECK") || pieces[i+3] != "(" {
			continue
		}
		name, ok := unquoted(pieces[i+1])
		if !ok {
			continue
		}
		depth, end := 1, i+4
		for ; end < len(pieces) && depth > 0; end++ {
			switch pieces[end] {
			case "(":
				depth++
			case ")":
				depth--
			}
		}
		checks[name] = strings.Join(pieces[i+4:end], " ")
	}
	return checks
}
