package abi

import (
	"encoding/binary"
	"errors"
	"iter"
)

const (
	// HeaderSize is what each frame has before its first field: the kind.
	HeaderSize = 1
	// FieldSize is what each field has before its bytes: the tag and the length,
	// 32 bits, little-endian.
	FieldSize = 5
	// NumberSize is the length of a field that is a number.
	NumberSize = 8
)

// errMalformed is deliberately without the bytes: they may hold secrets.
var errMalformed = errors.New("abi: the frame ends in the middle of a field")

// Frame is a frame that Parse has found to be whole. It does not own its bytes.
type Frame struct {
	Kind   Kind
	fields []byte
}

// Parse checks the structure of a frame. It copies nothing.
func Parse(data []byte) (Frame, error) {
	if len(data) < HeaderSize {
		return Frame{}, errMalformed
	}
	rest := data[HeaderSize:]
	for len(rest) > 0 {
		if len(rest) < FieldSize {
			return Frame{}, errMalformed
		}
		size := uint64(binary.LittleEndian.Uint32(rest[1:]))
		if size > uint64(len(rest)-FieldSize) {
			return Frame{}, errMalformed
		}
		rest = rest[FieldSize+size:]
	}
	return Frame{Kind: Kind(data[0]), fields: data[HeaderSize:]}, nil
}

// Fields are the frame's fields in their order. Their bytes are the frame's own.
func (f Frame) Fields() iter.Seq2[Tag, []byte] {
	return func(yield func(Tag, []byte) bool) {
		for rest := f.fields; len(rest) > 0; {
			end := FieldSize + int(binary.LittleEndian.Uint32(rest[1:]))
			if !yield(Tag(rest[0]), rest[FieldSize:end:end]) {
				return
			}
			rest = rest[end:]
		}
	}
}

// Begin starts a frame at the end of data.
func Begin(data []byte, kind Kind) []byte { return append(data, byte(kind)) }

// Append adds a field.
func Append[T ~[]byte | ~string](data []byte, tag Tag, content T) []byte {
	data = append(data, byte(tag))
	data = binary.LittleEndian.AppendUint32(data, uint32(len(content)))
	return append(data, content...)
}

// AppendPair adds a field of two parts with a mark between them, such as a
// header's name and value.
func AppendPair(data []byte, tag Tag, name string, mark byte, content string) []byte {
	data = append(data, byte(tag))
	data = binary.LittleEndian.AppendUint32(data, uint32(len(name)+1+len(content)))
	data = append(data, name...)
	data = append(data, mark)
	return append(data, content...)
}

// AppendNumber adds a field that is a number.
func AppendNumber(data []byte, tag Tag, number int64) []byte {
	data = append(data, byte(tag))
	data = binary.LittleEndian.AppendUint32(data, NumberSize)
	return binary.LittleEndian.AppendUint64(data, uint64(number))
}

// Number reads a field that is a number; one of another length is zero.
func Number(content []byte) int64 {
	if len(content) != NumberSize {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(content))
}
