package modulecache

import (
	"bytes"
	"testing"

	"github.com/backflow/backflow/core/plugin/wasm/internal/wasmtest"
)

// funcref is the type of a table's elements.
const funcref = "\x70"

func TestASecondSectionOfTablesIsRefused(t *testing.T) {
	small := wasmtest.Module{Tables: "\x01" + funcref + "\x00\x01"}.Bytes()
	at := bytes.Index(small, []byte("\x04\x04\x01"+funcref))
	twice := append(bytes.Clone(small[:at]), small[at:at+6]...)
	if _, err := boundTables(append(twice, small[at:]...)); err == nil {
		t.Error("accepted")
	}
}

func FuzzBoundTables(f *testing.F) {
	f.Add(wasmtest.Module{Tables: "\x01" + funcref + "\x00\x01"}.Bytes())
	f.Add(wasmtest.Module{Tables: "\x01" + funcref + "\x01\x01\x05"}.Bytes())
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x04\x05"))
	f.Fuzz(func(t *testing.T, module []byte) {
		bounded, err := boundTables(module)
		if err != nil {
			return
		}
		again, err := boundTables(bounded)
		if err != nil || !bytes.Equal(again, bounded) {
			t.Errorf("bounding %x again: %x %v", bounded, again, err)
		}
	})
}
