// Package visible shows what a text holds that would not be seen, or would move
// what is seen: control characters, sequences of a terminal, and characters that
// reorder or hide their neighbours. The package imports nothing of the project.
//
// Texts from outside may hold anything: a terminal obeys what it is sent, and
// U+202E makes "gpj.exe" of "exe.jpg".
package visible

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// unsafe are the characters that are shown as escapes: controls (C0, DEL and C1),
// format characters (among them the bidirectional ones of Unicode's annex 9, those
// of zero width, and tags), and the separators of lines and paragraphs.
var unsafe = []*unicode.RangeTable{unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp}

// Unsafe reports whether a character is shown as an escape.
func Unsafe(r rune) bool {
	if r < unicode.MaxASCII {
		return r < ' '
	}
	return unicode.In(r, unsafe...)
}

// Text returns a text of several lines with escapes in the place of unsafe
// characters, but for line feeds and tabs. Bytes that are no UTF-8 become U+FFFD.
func Text(text string) string {
	return replace(text, func(r rune) bool { return Unsafe(r) && r != '\n' && r != '\t' }, escape)
}

// Line returns a text as one line: line breaks and tabs become spaces, other unsafe
// characters escapes. Bytes that are no UTF-8 become U+FFFD.
func Line(text string) string {
	return replace(text, Unsafe, func(r rune) string {
		switch r {
		case '\t', '\n', '\v', '\f', '\r', '\u0085', '\u2028', '\u2029':
			return " "
		default:
			return escape(r)
		}
	})
}

// JSON returns the same JSON with escapes in the place of unsafe characters. White
// space between values stays.
func JSON(document string) string {
	return replace(document, func(r rune) bool { return Unsafe(r) && r != '\n' && r != '\t' && r != '\r' }, func(r rune) string {
		if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
			return fmt.Sprintf(`\u%04x\u%04x`, high, low)
		}
		return fmt.Sprintf(`\u%04x`, r)
	})
}

// escape writes a character as Go, and JSON below U+10000, do.
func escape(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// replace returns text itself where nothing of it is to be replaced.
func replace(text string, unsafe func(rune) bool, with func(rune) string) string {
	plain := plainPrefix(text, !unsafe('\n'))
	if rest := text[plain:]; utf8.ValidString(rest) && !strings.ContainsFunc(rest, unsafe) {
		return text
	}
	var b strings.Builder
	b.WriteString(text[:plain])
	for _, r := range text[plain:] { // a byte that is no UTF-8 is U+FFFD
		if unsafe(r) {
			b.WriteString(with(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Plain reports whether a line, with its line feed or without, is printable ASCII, as
// most are: JSON and Text return it as it is.
func Plain(line []byte) bool {
	for _, c := range bytes.TrimSuffix(line, []byte("\n")) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// plainPrefix returns the length of the part at the beginning of a text that is
// printable ASCII, as most texts are in whole, and line feeds where they may be.
func plainPrefix(text string, lines bool) int {
	for i := range len(text) {
		if c := text[i]; (c < ' ' || c > '~') && !(lines && c == '\n') {
			return i
		}
	}
	return len(text)
}
