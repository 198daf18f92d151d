// Package excerpt shortens texts of any length to what a message or a table has
// room for. The package imports nothing of the project.
package excerpt

import (
	"strings"
	"unicode/utf8"
)

const ellipsis = "…"

// Runes returns the first most characters of text and an ellipsis, or text
// itself if it has no more than that.
func Runes(text string, most int) string {
	if at := after(text, most); at < len(text) {
		return text[:at] + ellipsis
	}
	return text
}

// Fit is like Runes, but the ellipsis is one of the most characters.
func Fit(text string, most int) string {
	if after(text, most) < len(text) {
		return text[:after(text, most-1)] + ellipsis
	}
	return text
}

// Bytes returns the first most bytes of text, without the parts of characters
// among them, and an ellipsis; or text itself if it has no more bytes than that.
func Bytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + ellipsis
}

// after returns the index behind the first n characters of text.
func after(text string, n int) int {
	at := 0
	for ; n > 0 && at < len(text); n-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}
