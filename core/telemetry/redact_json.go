package telemetry

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// replaceJSON returns a JSON document without the secrets. A string that holds one
// is written anew, as is a number, which becomes a string. Names that become equal
// are told apart by a number. The rest stays as it is.
func replaceJSON(doc []byte, secrets []secret) []byte {
	if len(secrets) == 0 {
		return doc
	}
	if !json.Valid(doc) {
		return []byte(replace(string(doc), secrets))
	}
	out := make([]byte, 0, len(doc))
	names := map[string]int{} // how often a replaced name was written
	for i := 0; i < len(doc); {
		length := tokenLen(doc[i:])
		raw := doc[i : i+length]
		i += length
		text := string(raw)
		if raw[0] == '"' {
			decoded, err := jsontext.AppendUnquote(nil, raw)
			if err != nil && len(decoded) == 0 { // a lone surrogate is replaced, and no fault
				decoded = raw[1 : len(raw)-1]
			}
			text = string(decoded)
		}
		clean := replace(text, secrets)
		if clean == text {
			out = append(out, raw...)
			continue
		}
		if rest := bytes.TrimLeft(doc[i:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			if names[clean]++; names[clean] > 1 {
				clean += strconv.Itoa(names[clean])
			}
		}
		out, _ = jsontext.AppendQuote(out, clean) // the error only says that bytes became U+FFFD
	}
	return out
}

// tokenLen is the length of the token with which a valid document goes on: a
// string, a number, or one byte of anything else.
func tokenLen(doc []byte) int {
	switch c := doc[0]; {
	case c == '"':
		for i := 1; ; i++ {
			switch doc[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case c == '-' || (c >= '0' && c <= '9'):
		end := bytes.IndexFunc(doc, func(r rune) bool {
			return r != '-' && r != '+' && r != '.' && r != 'e' && r != 'E' && (r < '0' || r > '9')
		})
		if end < 0 {
			return len(doc)
		}
		return end
	default:
		return 1
	}
}
