package request

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Cursor is where a selection goes on: behind a row. It is made from values of columns
// that the caller may see, and read as something that anyone may have written.
type Cursor struct {
	// Selection tells which selection it is of.
	Selection [16]byte
	// Values are those of the columns of the order, as the database's driver returns and
	// takes them: nil, int64, uint64, float64, bool, string, []byte or time.Time.
	Values []any
	// Skip is how many rows with these very values have been returned.
	Skip int64
}

// maxCursor is how long a cursor may be, in bytes: it has to fit into the head of a
// request. maxSkip bounds how many rows a database is to pass over.
const (
	maxCursor = 16 << 10
	maxSkip   = 1 << 40
)

// cursorVersion is the first byte of a cursor.
const cursorVersion = 1

// cursorEncoding has no characters that a URL would have to escape.
var cursorEncoding = base64.RawURLEncoding.Strict()

// String writes the cursor. The error is one of a value of another type, or of values
// that are longer than a cursor may be.
func (c Cursor) String() (string, error) {
	written := append([]byte{cursorVersion}, c.Selection[:]...)
	written = binary.AppendUvarint(written, uint64(c.Skip))
	written = binary.AppendUvarint(written, uint64(len(c.Values)))
	for _, value := range c.Values {
		var err error
		if written, err = appendValue(written, value); err != nil {
			return "", err
		}
	}
	if cursorEncoding.EncodedLen(len(written)) > maxCursor {
		return "", errLongCursor
	}
	return cursorEncoding.EncodeToString(written), nil
}

var errLongCursor = errors.New("the values of the columns of order are too long to go on from: put the rows in the order of shorter ones")

// The kinds of values in a cursor.
const (
	valueNull     = 'n'
	valueInteger  = 'i'
	valueUnsigned = 'u'
	valueFloat    = 'f'
	valueFalse    = '0'
	valueTrue     = '1'
	valueText     = 's'
	valueBytes    = 'b'
	valueTime     = 't'
)

func appendValue(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(dst, valueNull), nil
	case int64:
		return binary.AppendVarint(append(dst, valueInteger), v), nil
	case uint64:
		return binary.AppendUvarint(append(dst, valueUnsigned), v), nil
	case float64:
		return binary.BigEndian.AppendUint64(append(dst, valueFloat), math.Float64bits(v)), nil
	case float32:
		return appendValue(dst, float64(v))
	case bool:
		if v {
			return append(dst, valueTrue), nil
		}
		return append(dst, valueFalse), nil
	case string:
		return appendText(append(dst, valueText), v), nil
	case []byte:
		return appendText(append(dst, valueBytes), string(v)), nil
	case time.Time:
		return appendText(append(dst, valueTime), v.UTC().Format(time.RFC3339Nano)), nil
	}
	return dst, fmt.Errorf("a value of type %T cannot be gone on from", value)
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// errCursor says nothing of what is in the text: it is opaque.
var errCursor = errors.New("is not a cursor that this action returned")

// ParseCursor reads what String wrote, and nothing else.
func ParseCursor(text string) (Cursor, error) {
	if len(text) > maxCursor {
		return Cursor{}, errCursor
	}
	written, err := cursorEncoding.DecodeString(text)
	if err != nil {
		return Cursor{}, errCursor
	}
	r := cursorReader{rest: written}
	var c Cursor
	r.valid = r.byte() == cursorVersion
	copy(c.Selection[:], r.bytes(uint64(len(c.Selection))))
	skip := r.unsigned()
	c.Skip = int64(min(skip, maxSkip+1))
	count := r.unsigned()
	for i := uint64(0); i < count && r.valid; i++ { // each takes a byte at least
		c.Values = append(c.Values, r.value())
	}
	if !r.valid || len(r.rest) > 0 || c.Skip > maxSkip {
		return Cursor{}, errCursor
	}
	// A number may be written in more than one way.
	if again, err := c.String(); err != nil || again != text {
		return Cursor{}, errCursor
	}
	return c, nil
}

// cursorReader reads from the front of rest. What it returns once it is not valid any
// more means nothing.
type cursorReader struct {
	rest  []byte
	valid bool
}

func (r *cursorReader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.rest, r.valid = nil, false
		return nil
	}
	read := r.rest[:n]
	r.rest = r.rest[n:]
	return read
}

func (r *cursorReader) byte() byte {
	if read := r.bytes(1); len(read) == 1 {
		return read[0]
	}
	return 0
}

func (r *cursorReader) unsigned() uint64 {
	value, n := binary.Uvarint(r.rest)
	r.bytes(uint64(n)) // a negative one is larger than any rest
	r.valid = r.valid && n > 0
	return value
}

func (r *cursorReader) value() any {
	switch r.byte() {
	case valueNull:
		return nil
	case valueInteger:
		value, n := binary.Varint(r.rest)
		r.bytes(uint64(n))
		r.valid = r.valid && n > 0
		return value
	case valueUnsigned:
		return r.unsigned()
	case valueFloat:
		if read := r.bytes(8); len(read) == 8 {
			return math.Float64frombits(binary.BigEndian.Uint64(read))
		}
	case valueFalse:
		return false
	case valueTrue:
		return true
	case valueText:
		return string(r.bytes(r.unsigned()))
	case valueBytes:
		return bytes.Clone(r.bytes(r.unsigned()))
	case valueTime:
		value, err := time.Parse(time.RFC3339Nano, string(r.bytes(r.unsigned())))
		r.valid = r.valid && err == nil
		return value
	}
	r.valid = false
	return nil
}
