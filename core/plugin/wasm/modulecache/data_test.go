package modulecache

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

func TestDataIsJoinedWhereItIsSafe(t *testing.T) {
	section := func(segments ...segment) []byte {
		s := binary.AppendUvarint(nil, uint64(len(segments)))
		for _, p := range segments {
			s = append(appendInt32(append(s, 0, opI32Const), int32(p.at)), opEnd)
			s = append(binary.AppendUvarint(s, uint64(len(p.content))), p.content...)
		}
		return s
	}
	a, b := []byte("a"), []byte("b")
	for name, c := range map[string]struct{ given, want []byte }{
		"neighbours":         {section(segment{8, a}, segment{10, b}), section(segment{8, []byte("a\x00b")})},
		"in another order":   {section(segment{10, b}, segment{8, a}), section(segment{8, []byte("a\x00b")})},
		"far apart":          {section(segment{8, a}, segment{900, b}), section(segment{8, a}, segment{900, b})},
		"the upper half":     {section(segment{1 << 31, a}, segment{1<<31 + 1, b}), section(segment{1 << 31, []byte("ab")})},
		"one over another":   {section(segment{8, a}, segment{8, b}), section(segment{8, a}, segment{8, b})},
		"none":               {section(), section()},
		"passive":            {[]byte{1, 1, 1, 'x'}, []byte{1, 1, 1, 'x'}},
		"at a global":        {[]byte{1, 0, 0x23, 0, opEnd, 1, 'x'}, []byte{1, 0, 0x23, 0, opEnd, 1, 'x'}},
		"more than it holds": {[]byte{2, 0, opI32Const, 0, opEnd, 1, 'x'}, []byte{2, 0, opI32Const, 0, opEnd, 1, 'x'}},
	} {
		if got := joinSegments(c.given); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x became %x, want %x", name, c.given, got, c.want)
		}
	}
	for _, n := range []int32{0, 1, -1, 63, 64, -64, -65, 8191, 8192, math.MaxInt32, math.MinInt32} {
		if got, size := readInt32(append(appendInt32(nil, n), 0)); got != n || size != len(appendInt32(nil, n)) {
			t.Errorf("%d came back as %d", n, got)
		}
	}
}

func FuzzJoinSegments(f *testing.F) {
	f.Add([]byte{2, 0, opI32Const, 9, opEnd, 1, 'x', 0, opI32Const, 8, opEnd, 1, 'y'})
	f.Add([]byte{1, 1, 1, 'x'})
	f.Fuzz(func(t *testing.T, section []byte) {
		before, ok := readSegments(section)
		joined := joinSegments(section)
		if !ok {
			if !bytes.Equal(joined, section) {
				t.Errorf("%x became %x", section, joined)
			}
			return
		}
		after, ok := readSegments(joined)
		if !ok {
			t.Fatalf("%x became %x", section, joined)
		}
		was, is := memory(before), memory(after)
		for at, b := range is {
			if was[at] != b {
				t.Errorf("at %d is %d, was %d", at, b, was[at])
			}
		}
		for at, b := range was {
			if is[at] != b {
				t.Errorf("at %d was %d, is %d", at, b, is[at])
			}
		}
	})
}

// memory is what segments put where.
func memory(segments []segment) map[uint64]byte {
	content := make(map[uint64]byte)
	for _, p := range segments {
		for i, b := range p.content {
			content[uint64(p.at)+uint64(i)] = b
		}
	}
	return content
}
