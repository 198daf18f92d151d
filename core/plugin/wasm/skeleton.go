package wasm

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
)

// The sections of a module that skeleton looks at, see
// https://www.w3.org/TR/wasm-core-2/#sections
const (
	sectionCustom    = 0
	sectionTable     = 4
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12

	preambleSize = 8 // magic number and version
)

// hollow is the code of a function that does nothing but trap, which is valid for
// every type of function: its size, no locals, unreachable, end.
var hollow = [...]byte{3, 0, 0x00, 0x0b}

var errTorn = errors.New("the module ends in the middle of a section")

// skeleton answers a module without the code of its functions, without what is
// there for debuggers, but the functions' names, and with its data in few pieces.
// The machine code of the whole module fits to it. The module must have been
// compiled before, since little of it is checked here.
func skeleton(module []byte) ([]byte, error) {
	if len(module) < preambleSize {
		return nil, errTorn
	}
	bare := bytes.Clone(module[:preambleSize])
	counted := false
	for rest := module[preambleSize:]; len(rest) > 0; {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return nil, errTorn
		}
		end := 1 + n + int(size)
		content := rest[1+n : end]
		switch {
		case id == sectionCode:
			count, m := binary.Uvarint(content)
			if m <= 0 || count > size {
				return nil, errTorn
			}
			code := append(binary.AppendUvarint(nil, count), bytes.Repeat(hollow[:], int(count))...)
			bare = appendSection(bare, id, code)
		case id == sectionData && !counted:
			bare = appendSection(bare, id, joinData(content))
		case id != sectionCustom || bytes.HasPrefix(content, []byte("\x04name")):
			// Only where data is counted can code name a piece of it.
			counted = counted || id == sectionDataCount
			bare = append(bare, rest[:end]...)
		}
		rest = rest[end:]
	}
	return bare, nil
}

func appendSection(module []byte, id byte, content []byte) []byte {
	module = append(module, id)
	module = binary.AppendUvarint(module, uint64(len(content)))
	return append(module, content...)
}

// maxGap is how many zeros between two pieces of data are written out.
const maxGap = 64

// piece is a part of the memory's first content.
type piece struct {
	at      uint32
	content []byte
}

// joinData answers a data section with neighbouring pieces joined: Go's linker
// makes one of each run of bytes between zeros, tens of thousands, and each is
// evaluated whenever a guest starts. A section with pieces that overlap, or of
// another kind than Go's, stays as it is.
func joinData(section []byte) []byte {
	pieces, ok := readPieces(section)
	if !ok {
		return section
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	var joined []piece
	var free uint64 // where the last piece ends
	for _, p := range pieces {
		if uint64(p.at) < free {
			return section
		}
		if gap := uint64(p.at) - free; len(joined) > 0 && gap <= maxGap {
			last := &joined[len(joined)-1]
			last.content = append(append(last.content, make([]byte, gap)...), p.content...)
		} else {
			joined = append(joined, piece{p.at, bytes.Clone(p.content)})
		}
		free = uint64(p.at) + uint64(len(p.content))
	}
	section = binary.AppendUvarint(nil, uint64(len(joined)))
	for _, p := range joined {
		section = append(appendInt32(append(section, 0, opI32Const), int32(p.at)), opEnd)
		section = append(binary.AppendUvarint(section, uint64(len(p.content))), p.content...)
	}
	return section
}

const (
	opI32Const = 0x41
	opEnd      = 0x0b
)

// readPieces reads a data section of pieces with a fixed place.
func readPieces(section []byte) ([]piece, bool) {
	count, n := binary.Uvarint(section)
	if n <= 0 || count > uint64(len(section)) {
		return nil, false
	}
	pieces := make([]piece, 0, count)
	rest := section[n:]
	for range count {
		p, size := readPiece(rest)
		if size == 0 {
			return nil, false
		}
		pieces = append(pieces, p)
		rest = rest[size:]
	}
	return pieces, len(rest) == 0
}

// readPiece reads a piece that is put at a fixed place of the memory, and answers
// how many bytes describe it, zero where it is none.
func readPiece(data []byte) (piece, int) {
	if len(data) < 2 || data[0] != 0 || data[1] != opI32Const {
		return piece{}, 0
	}
	at, n := readInt32(data[2:])
	end := 2 + n
	if n == 0 || end >= len(data) || data[end] != opEnd {
		return piece{}, 0
	}
	size, m := binary.Uvarint(data[end+1:])
	begin := end + 1 + m
	if m <= 0 || size > uint64(len(data)-begin) {
		return piece{}, 0
	}
	return piece{uint32(at), data[begin : begin+int(size)]}, begin + int(size)
}

// readInt32 reads a number as LEB128 has signed ones, and answers how many bytes
// it takes, zero where it is none.
func readInt32(data []byte) (int32, int) {
	var value int64
	for i, b := range data[:min(5, len(data))] {
		value |= int64(b&0x7f) << (7 * i)
		if b < 0x80 {
			unused := 64 - 7*(i+1)
			return int32(value << unused >> unused), i + 1
		}
	}
	return 0, 0
}

// appendInt32 writes a number as LEB128 has signed ones.
func appendInt32(data []byte, value int32) []byte {
	for value < -64 || value > 63 {
		data = append(data, byte(value)|0x80)
		value >>= 7
	}
	return append(data, byte(value)&0x7f)
}
