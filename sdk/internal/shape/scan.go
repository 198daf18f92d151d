package shape

import (
	"math/bits"
)

// The scanners look at eight bytes at once where they can: in a guest that can be
// interrupted each turn of a loop costs as much as fifty turns elsewhere.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// hasZero marks the bytes of x that are zero, and perhaps some after the first.
func hasZero(x uint64) uint64 { return (x - ones) &^ x & highs }

// special marks the bytes of a word of a string that end it or have to be looked
// at: quotes, backslashes and control characters.
func special(word uint64) uint64 {
	return hasZero(word^(ones*'"')) | hasZero(word^(ones*'\\')) | (word-ones*0x20)&^word&highs
}

// word64 is the eight bytes at i, which compilers read at once.
func word64(data string, i int) uint64 {
	b := data[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// plain returns the index of the first byte from i on that is a quote, a
// backslash or a control character, len(data) if none is.
func plain(data string, i int) int {
	for ; i+32 <= len(data); i += 32 {
		if found := special(word64(data, i)); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		if found := special(word64(data, i+8)); found != 0 {
			return i + 8 + bits.TrailingZeros64(found)/8
		}
		if found := special(word64(data, i+16)); found != 0 {
			return i + 16 + bits.TrailingZeros64(found)/8
		}
		if found := special(word64(data, i+24)); found != 0 {
			return i + 24 + bits.TrailingZeros64(found)/8
		}
	}
	for ; i+8 <= len(data); i += 8 {
		if found := special(word64(data, i)); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(data); i++ {
		if c := data[i]; c == '"' || c == '\\' || c < 0x20 {
			return i
		}
	}
	return i
}

// space returns the index of the first byte from i on that is no white space.
func space(data string, i int) int {
	if i < len(data) && data[i] > ' ' {
		return i
	}
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// scanString returns where the string that begins at i ends, and whether it has
// escapes.
func scanString(data string, i int) (end int, escaped, ok bool) {
	if i >= len(data) || data[i] != '"' {
		return i, false, false
	}
	for i = plain(data, i+1); i < len(data); i = plain(data, i) {
		switch data[i] {
		case '"':
			return i + 1, escaped, true
		case '\\':
			escaped = true
			i += 2
		default:
			return i, false, false
		}
	}
	return i, false, false
}

// scanNumber returns where the number that begins at i ends (RFC 8259, 6).
func scanNumber(data string, i int) (end int, ok bool) {
	if i < len(data) && data[i] == '-' {
		i++
	}
	switch {
	case i < len(data) && data[i] == '0':
		i++
	default:
		if i, ok = digits(data, i); !ok {
			return i, false
		}
	}
	if i < len(data) && data[i] == '.' {
		if i, ok = digits(data, i+1); !ok {
			return i, false
		}
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if i, ok = digits(data, i); !ok {
			return i, false
		}
	}
	return i, true
}

func digits(data string, i int) (end int, ok bool) {
	begin := i
	for i < len(data) && '0' <= data[i] && data[i] <= '9' {
		i++
	}
	return i, i > begin
}

// maxDepth is how deep values may be nested.
const maxDepth = 512

// skip returns where the value that begins at i ends. It checks that brackets
// and texts are whole, which suffices to find the end; a caller that needs what is
// inside reads it.
func skip(data string, i, depth int) (end int, ok bool) {
	if i >= len(data) || depth > maxDepth {
		return i, false
	}
	switch c := data[i]; c {
	case '"':
		end, _, ok = scanString(data, i)
		return end, ok
	case '{', '[':
		closing := c + 2 // in ASCII, of both
		if i = space(data, i+1); i < len(data) && data[i] == closing {
			return i + 1, true
		}
		for {
			if c == '{' {
				if i, _, ok = scanString(data, i); !ok {
					return i, false
				}
				if i = space(data, i); i >= len(data) || data[i] != ':' {
					return i, false
				}
				i = space(data, i+1)
			}
			if i, ok = skip(data, i, depth+1); !ok {
				return i, false
			}
			i = space(data, i)
			switch {
			case i < len(data) && data[i] == closing:
				return i + 1, true
			case i < len(data) && data[i] == ',':
				i = space(data, i+1)
			default:
				return i, false
			}
		}
	case 't':
		return word(data, i, "true")
	case 'f':
		return word(data, i, "false")
	case 'n':
		return word(data, i, "null")
	}
	return scanNumber(data, i)
}

func word(data string, i int, text string) (end int, ok bool) {
	if end = i + len(text); end <= len(data) && data[i:end] == text {
		return end, true
	}
	return i, false
}
