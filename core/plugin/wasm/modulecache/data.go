package modulecache

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// maxGap is up to how many zeros between two segments are written out to join them.
const maxGap = 64

// segment is a part of the memory's first content.
type segment struct {
	at      uint32
	content []byte
}

// joinSegments returns a data section with neighbouring segments joined. Go's
// linker makes one of each run of bytes between zeros, tens of thousands, and each
// is evaluated whenever a guest starts. A section whose segments overlap, or that
// has another kind of segment than Go's, stays as it is.
func joinSegments(section []byte) []byte {
	segments, ok := readSegments(section)
	if !ok {
		return section
	}
	slices.SortStableFunc(segments, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	var joined []segment
	var free uint64 // where the last segment ends
	for _, p := range segments {
		if uint64(p.at) < free {
			return section
		}
		if gap := uint64(p.at) - free; len(joined) > 0 && gap <= maxGap {
			last := &joined[len(joined)-1]
			last.content = append(append(last.content, make([]byte, gap)...), p.content...)
		} else {
			joined = append(joined, segment{p.at, bytes.Clone(p.content)})
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

// readSegments reads a data section whose segments have a fixed place.
func readSegments(section []byte) ([]segment, bool) {
	count, n := binary.Uvarint(section)
	if n <= 0 || count > uint64(len(section)) {
		return nil, false
	}
	segments := make([]segment, 0, count)
	rest := section[n:]
	for range count {
		p, size := readSegment(rest)
		if size == 0 {
			return nil, false
		}
		segments = append(segments, p)
		rest = rest[size:]
	}
	return segments, len(rest) == 0
}

// readSegment reads a segment that has a fixed place in memory. It returns how many
// bytes describe it, zero if data begins with no such segment.
func readSegment(data []byte) (segment, int) {
	if len(data) < 2 || data[0] != 0 || data[1] != opI32Const {
		return segment{}, 0
	}
	at, n := readInt32(data[2:])
	end := 2 + n
	if n == 0 || end >= len(data) || data[end] != opEnd {
		return segment{}, 0
	}
	size, m := binary.Uvarint(data[end+1:])
	begin := end + 1 + m
	if m <= 0 || size > uint64(len(data)-begin) {
		return segment{}, 0
	}
	return segment{uint32(at), data[begin : begin+int(size)]}, begin + int(size)
}

// readInt32 reads a signed number in LEB128. It returns how many bytes the number
// takes, zero if data begins with none.
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

// appendInt32 writes a signed number in LEB128.
func appendInt32(data []byte, value int32) []byte {
	for value < -64 || value > 63 {
		data = append(data, byte(value)|0x80)
		value >>= 7
	}
	return append(data, byte(value)&0x7f)
}
