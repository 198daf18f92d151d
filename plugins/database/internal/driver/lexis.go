package driver

// Lexis is what databases read differently in the text of SQL: where quotes and comments
// begin and end. What all of them have is not said: '…' and "…", in which the quote is
// written twice for itself, -- and /* */.
type Lexis struct {
	// Backticks and Brackets stand around names: `a` and [a].
	Backticks, Brackets bool
	// Backslashes in quotes make the next character one like any other, in EscapeStrings
	// those of E'…' alone, beside which there are names in U&"…".
	Backslashes, EscapeStrings bool
	// DollarQuotes are $$…$$ and $tag$…$tag$.
	DollarQuotes bool
	// NestedComments: a comment ends when all that begin within it have ended.
	NestedComments bool
	// HashComments begin with # too, and DashSpace says that those that begin with -- need
	// a space behind it.
	HashComments, DashSpace bool
	// ExecutableComments are /*! */, which the database runs.
	ExecutableComments bool
	// Placeholders are the characters that begin a placeholder of the database's own.
	Placeholders string
	// IntoOutside: SELECT … INTO writes to what no transaction covers.
	IntoOutside bool
	// FirstWords are further words, in capitals, that a statement which returns rows may
	// begin with; SELECT, VALUES and WITH are always some. ChangingWords are those of
	// statements that change rows, beside INSERT, UPDATE and DELETE.
	FirstWords, ChangingWords []string
}
