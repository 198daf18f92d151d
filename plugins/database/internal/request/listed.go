package request

import (
	"errors"
	"strings"
)

// Listed reads texts with commas between them, as a URL has them: one with a comma or a
// quote in it stands in quotes, within which \ makes the next character one like any
// other. The text of an error is for people.
func Listed(text string) ([]string, error) {
	var items []string
	for {
		item, rest, err := firstListed(text)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if rest == "" {
			return items, nil
		}
		text = rest[1:]
	}
}

// firstListed returns the first item, and what is behind it: nothing, or a comma first.
func firstListed(text string) (item, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexByte(text, ',')
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], nil
	}
	var unquoted strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			if rest = text[i+1:]; rest != "" && rest[0] != ',' {
				return "", "", errors.New("has something else than a comma behind a text in quotes")
			}
			return unquoted.String(), rest, nil
		case '\\':
			if i++; i == len(text) {
				return "", "", errors.New("ends within quotes")
			}
		}
		unquoted.WriteByte(text[i])
	}
	return "", "", errors.New("ends within quotes")
}
