package idempotency

import (
	"errors"
	"fmt"
	"strings"
)

// MaxKeyLen is the length of the longest key, in bytes, quotes not counted.
const MaxKeyLen = 255

// ParseKey reads the values of the Idempotency-Key header: one key of 1 to
// MaxKeyLen visible ASCII characters (0x21 to 0x7E), bare or as a quoted string
// (draft-ietf-httpapi-idempotency-key-header, RFC 9651 section 3.3.3: inside
// the quotes, \" and \\ stand for the character). "k" in quotes and k without
// are the same key. No header is the empty key and no error; everything else
// is an error, for which the client gets 400. Errors do not repeat the key.
func ParseKey(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", fmt.Errorf("the header is given %d times", len(values))
	}
	key := values[0]
	if strings.HasPrefix(key, `"`) {
		var err error
		if key, err = unquote(key); err != nil {
			return "", err
		}
	}
	if key == "" {
		return "", errors.New("the key is empty")
	}
	if len(key) > MaxKeyLen {
		return "", fmt.Errorf("the key has %d characters, at most %d are allowed", len(key), MaxKeyLen)
	}
	for i := range len(key) {
		if key[i] < 0x21 || key[i] > 0x7e {
			return "", fmt.Errorf("character %d of the key is not visible ASCII", i+1)
		}
	}
	return key, nil
}

// unquote reads a whole quoted string. s starts with a quote.
func unquote(s string) (string, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			if i != len(s)-1 {
				return "", errors.New("something follows the closing quote of the key")
			}
			return b.String(), nil
		case '\\':
			i++
			if i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", errors.New(`in a quoted key, \ must be followed by " or \`)
			}
		}
		b.WriteByte(s[i])
	}
	return "", errors.New("the key has no closing quote")
}
