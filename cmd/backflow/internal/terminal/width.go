package terminal

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Columns returns how many columns a text takes that is Printable: two for wide
// characters (Unicode's annex 11), none for marks that stand on another.
func Columns(text string) int {
	columns := 0
	for _, r := range text {
		columns += columnsOf(r)
	}
	return columns
}

func columnsOf(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

const ellipsis = "…"

// Fit returns as much of a Printable text as so many columns have room for, with
// an ellipsis where it is cut. Zero columns are no bound.
func Fit(text string, columns int) string {
	if columns <= 0 || Columns(text) <= columns {
		return text
	}
	room := columns - 1
	for i, r := range text {
		if room -= columnsOf(r); room < 0 {
			return text[:i] + ellipsis
		}
	}
	return text
}

// Wrap breaks a Printable text at its spaces into lines of at most so many
// columns, those after the first with an indent before them. A longer word, such
// as an id, stays whole, so that it can be copied. Zero columns are no bound.
func Wrap(text string, columns int, indent string) string {
	return WrapAfter(0, text, columns, indent)
}

// WrapAfter is Wrap for a text that goes on in a line of which so many columns are
// used.
func WrapAfter(used int, text string, columns int, indent string) string {
	if columns <= 0 {
		return text
	}
	var b strings.Builder
	for i, word := range strings.Split(text, " ") {
		size := Columns(word)
		switch {
		case i == 0:
		case used+1+size > columns:
			b.WriteString("\n" + indent)
			used = Columns(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += size
	}
	return b.String()
}
