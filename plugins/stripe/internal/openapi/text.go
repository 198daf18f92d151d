package openapi

import (
	"html"
	"regexp"
	"strings"
)

// maxDescription is the length at which a description is cut, in characters.
const maxDescription = 240

var (
	tag      = regexp.MustCompile(`<[^>]*>`)
	link     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	space    = regexp.MustCompile(`\s+`)
	sentence = regexp.MustCompile(`^.*?[.!?](?:\s|$)`)
	// abbreviation ends in a full stop that ends no sentence.
	abbreviation = regexp.MustCompile(`(?:e\.g\.|i\.e\.|etc\.|vs\.)\s*$`)
)

// shorten returns the first sentence of a description as plain text.
func shorten(text string) string {
	text = link.ReplaceAllString(tag.ReplaceAllString(text, ""), "$1")
	text = strings.TrimSpace(space.ReplaceAllString(html.UnescapeString(text), " "))
	var first string
	for rest := text; ; {
		next := sentence.FindString(rest)
		if next == "" {
			first = text
			break
		}
		first += next
		rest = rest[len(next):]
		if !abbreviation.MatchString(first) {
			break
		}
	}
	first = strings.TrimSpace(first)
	if runes := []rune(first); len(runes) > maxDescription {
		first = string(runes[:maxDescription-1]) + "…"
	}
	return first
}
