package wasm

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

func TestSkeletonHasNoCodeAndNothingForDebuggers(t *testing.T) {
	module := tiny("text")
	full := bytes.Clone(module)
	full = appendSection(full, sectionCustom, []byte("\x0b.debug_info12345"))
	full = appendSection(full, sectionCustom, []byte("\x04name\x00"))
	bare, err := skeleton(full)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(bare, []byte("debug_info")) || !bytes.Contains(bare, []byte("\x04name")) {
		t.Errorf("the wrong sections are kept: %q", bare)
	}
	if !bytes.Contains(bare, append([]byte{sectionCode, 1 + 3*4, 3}, bytes.Repeat(hollow[:], 3)...)) {
		t.Errorf("the code is not hollow: %q", bare)
	}
	for size := range len(module) - 1 {
		if bare, err := skeleton(module[:size+1]); err == nil && len(bare) > len(module) {
			t.Errorf("%d bytes became %d", size+1, len(bare))
		}
	}
}

func TestDataIsJoinedWhereItIsSafe(t *testing.T) {
	section := func(pieces ...piece) []byte {
		s := binary.AppendUvarint(nil, uint64(len(pieces)))
		for _, p := range pieces {
			s = append(appendInt32(append(s, 0, opI32Const), int32(p.at)), opEnd)
			s = append(binary.AppendUvarint(s, uint64(len(p.content))), p.content...)
		}
		return s
	}
	a, b := []byte("a"), []byte("b")
	for name, c := range map[string]struct{ given, want []byte }{
		"neighbours":         {section(piece{8, a}, piece{10, b}), section(piece{8, []byte("a\x00b")})},
		"in another order":   {section(piece{10, b}, piece{8, a}), section(piece{8, []byte("a\x00b")})},
		"far apart":          {section(piece{8, a}, piece{900, b}), section(piece{8, a}, piece{900, b})},
		"the upper half":     {section(piece{1 << 31, a}, piece{1<<31 + 1, b}), section(piece{1 << 31, []byte("ab")})},
		"one over another":   {section(piece{8, a}, piece{8, b}), section(piece{8, a}, piece{8, b})},
		"none":               {section(), section()},
		"passive":            {[]byte{1, 1, 1, 'x'}, []byte{1, 1, 1, 'x'}},
		"at a global":        {[]byte{1, 0, 0x23, 0, opEnd, 1, 'x'}, []byte{1, 0, 0x23, 0, opEnd, 1, 'x'}},
		"more than it holds": {[]byte{2, 0, opI32Const, 0, opEnd, 1, 'x'}, []byte{2, 0, opI32Const, 0, opEnd, 1, 'x'}},
	} {
		if got := joinData(c.given); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x became %x, want %x", name, c.given, got, c.want)
		}
	}
	for _, n := range []int32{0, 1, -1, 63, 64, -64, -65, 8191, 8192, math.MaxInt32, math.MinInt32} {
		if got, size := readInt32(append(appendInt32(nil, n), 0)); got != n || size != len(appendInt32(nil, n)) {
			t.Errorf("%d came back as %d", n, got)
		}
	}
}

func FuzzSkeleton(f *testing.F) {
	f.Add(tiny("text"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x0a\x02\xff\x7f"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x0c\x01\x01\x0b\x01\x00"))
	f.Fuzz(func(t *testing.T, module []byte) {
		bare, err := skeleton(module)
		if err != nil {
			return
		}
		again, err := skeleton(bare)
		if err != nil || !bytes.Equal(again, bare) {
			t.Errorf("%x became %x, and that %x, %v", module, bare, again, err)
		}
	})
}

func FuzzJoinData(f *testing.F) {
	f.Add([]byte{2, 0, opI32Const, 9, opEnd, 1, 'x', 0, opI32Const, 8, opEnd, 1, 'y'})
	f.Add([]byte{1, 1, 1, 'x'})
	f.Fuzz(func(t *testing.T, section []byte) {
		before, ok := readPieces(section)
		joined := joinData(section)
		if !ok {
			if !bytes.Equal(joined, section) {
				t.Errorf("%x became %x", section, joined)
			}
			return
		}
		after, ok := readPieces(joined)
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

// memory is what pieces put where.
func memory(pieces []piece) map[uint64]byte {
	content := make(map[uint64]byte)
	for _, p := range pieces {
		for i, b := range p.content {
			content[uint64(p.at)+uint64(i)] = b
		}
	}
	return content
}
