package telemetry

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
)

// secret is a text that must not be shown.
type secret struct {
	text string
	// spellings are the ways in which it may stand in a text that holds no escapes:
	// itself, and its encodings that escapes do not make.
	spellings []string
}

// minEncodedLen is the length, in bytes, of the shortest part of an encoded secret
// that is looked for: a shorter one is found by chance.
const minEncodedLen = 6

func newSecret(text string) secret {
	raw := []byte(text)
	all := []string{
		text,
		base64.StdEncoding.EncodeToString(raw),
		base64.StdEncoding.EncodeToString([]byte(text + ":")), // a user name with an empty password
	}
	if strings.Contains(text, " ") {
		all = append(all, strings.ReplaceAll(text, " ", "+")) // in a query or a form
	}
	encoded := []string{hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw))}
	for before := range 3 { // bytes of the group of three that stand before it
		encoded = append(encoded, innerBase64(base64.RawStdEncoding, raw, before), innerBase64(base64.RawURLEncoding, raw, before))
	}
	for _, e := range encoded {
		if len(e) >= minEncodedLen {
			all = append(all, e)
		}
	}
	slices.Sort(all)
	return secret{text, slices.Compact(all)}
}

// innerBase64 returns the characters that the secret alone makes in the base64 of
// a longer text, in which as many bytes stand before it.
func innerBase64(encoding *base64.Encoding, raw []byte, before int) string {
	text := encoding.EncodeToString(append(make([]byte, before, before+len(raw)), raw...))
	first := (before*8 + 5) / 6         // the first that holds no bit of what stands before
	last := (before + len(raw)) * 8 / 6 // the first that may hold a bit of what follows
	return text[first:max(first, last)]
}

// maxDecodings bounds how many encodings, one in another, are looked into: the text
// itself is the first, and JSON in JSON in JSON the fourth. Most texts hold none and
// pay for none.
const maxDecodings = 8

// secretSet is a set of secrets that is searched for as a whole.
type secretSet struct {
	secrets []secret
	filter  filter
}

func newSecretSet(secrets []secret) secretSet { return secretSet{secrets, newFilter(secrets)} }

// search returns those of the secrets that a text holds in any spelling. The result
// is the caller's.
func (set *secretSet) search(s string) []secret {
	var found []secret
	for range maxDecodings {
		if holds(&set.filter, s, set.secrets) {
			for _, known := range set.secrets {
				if containsAny(s, known.spellings) && !slices.ContainsFunc(found, known.is) {
					found = append(found, known)
				}
			}
		}
		decoded, _, changed := decodeEscapes(s, false)
		if !changed || len(found) == len(set.secrets) {
			break
		}
		s = decoded
	}
	return found
}

// clean reports whether a text quickly turns out to hold none of the secrets: most hold
// none, and no escapes. It is without a copy of the text, which search takes.
func (set *secretSet) clean(text []byte) bool {
	return bytes.IndexByte(text, '\\') < 0 && bytes.IndexByte(text, '%') < 0 && bytes.IndexByte(text, '&') < 0 && !holds(&set.filter, text, set.secrets)
}

func (s secret) is(other secret) bool { return s.text == other.text }

// isDistinct reports whether the secret cannot be in data by chance.
func (s secret) isDistinct() bool {
	if len(s.text) >= minResultSecretLen {
		return true
	}
	letter := strings.ContainsFunc(s.text, unicode.IsLetter)
	sign := strings.ContainsFunc(s.text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	return letter && sign && len(s.text) >= minMixedResultSecretLen
}

func containsAny(s string, spellings []string) bool {
	return slices.ContainsFunc(spellings, func(spelling string) bool { return strings.Contains(s, spelling) })
}

// replace returns a text without the secrets.
func replace(s string, secrets []secret) string {
	if len(secrets) == 0 {
		return s
	}
	spans := locate(s, secrets)
	var b strings.Builder
	end := 0
	for _, p := range spans {
		b.WriteString(s[end:p.start])
		b.WriteString(Redacted)
		end = p.end
	}
	b.WriteString(s[end:])
	return b.String()
}

// span is a part of a text, from start to before end, in bytes.
type span struct{ start, end int }

// locate returns where secrets stand in a text, in order. Spans that overlap are
// one.
func locate(s string, secrets []secret) []span {
	var spans []span
	var decodings [][]escape
	for range maxDecodings {
		for _, known := range secrets {
			for _, spelling := range known.spellings {
				for from := 0; ; {
					at := strings.Index(s[from:], spelling)
					if at < 0 {
						break
					}
					found := span{from + at, from + at + len(spelling)}
					from = found.end
					for _, escapes := range slices.Backward(decodings) {
						found = source(found, escapes)
					}
					spans = append(spans, found)
				}
			}
		}
		decoded, escapes, changed := decodeEscapes(s, true)
		if !changed {
			break
		}
		decodings = append(decodings, escapes)
		s = decoded
	}
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	merged := spans[:0]
	for _, p := range spans {
		if n := len(merged); n > 0 && p.start < merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, p.end)
			continue
		}
		merged = append(merged, p)
	}
	return merged
}
