package modulecache

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The sections of a module that matter here, see
// https://www.w3.org/TR/wasm-core-2/#sections
const (
	sectionCustom    = 0
	sectionTable     = 4
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12

	preambleSize = 8 // magic number and version
)

// trapBody is the code of a function that does nothing but trap, which is valid
// for every type of function: its size, no locals, unreachable, end.
var trapBody = [...]byte{3, 0, 0x00, 0x0b}

var errTruncated = errors.New("the module ends in the middle of a section")

// strip returns a module in which each function has only a trapBody, debug
// information is left out except the functions' names, and data is in few
// segments. The machine code of the whole module fits to it. The module must have
// been compiled before, since strip checks little of it.
func strip(module []byte) ([]byte, error) {
	if len(module) < preambleSize {
		return nil, errTruncated
	}
	stripped := bytes.Clone(module[:preambleSize])
	hasDataCount := false
	for rest := module[preambleSize:]; len(rest) > 0; {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return nil, errTruncated
		}
		end := 1 + n + int(size)
		content := rest[1+n : end]
		switch {
		case id == sectionCode:
			count, m := binary.Uvarint(content)
			if m <= 0 || count > size {
				return nil, errTruncated
			}
			code := append(binary.AppendUvarint(nil, count), bytes.Repeat(trapBody[:], int(count))...)
			stripped = appendSection(stripped, id, code)
		case id == sectionData && !hasDataCount:
			stripped = appendSection(stripped, id, joinSegments(content))
		case id != sectionCustom || bytes.HasPrefix(content, []byte("\x04name")):
			// Code can name a segment only if there is a count of them.
			hasDataCount = hasDataCount || id == sectionDataCount
			stripped = append(stripped, rest[:end]...)
		}
		rest = rest[end:]
	}
	return stripped, nil
}

func appendSection(module []byte, id byte, content []byte) []byte {
	module = append(module, id)
	module = binary.AppendUvarint(module, uint64(len(content)))
	return append(module, content...)
}
