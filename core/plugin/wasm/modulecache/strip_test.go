package modulecache

import (
	"bytes"
	"testing"

	"github.com/backflow/backflow/core/plugin/wasm/internal/wasmtest"
)

func TestStrippedModuleHasNoCodeAndNothingForDebuggers(t *testing.T) {
	module := wasmtest.Respond("text")
	full := bytes.Clone(module)
	full = appendSection(full, sectionCustom, []byte("\x0b.debug_info12345"))
	full = appendSection(full, sectionCustom, []byte("\x04name\x00"))
	stripped, err := strip(full)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(stripped, []byte("debug_info")) || !bytes.Contains(stripped, []byte("\x04name")) {
		t.Errorf("the wrong sections are kept: %q", stripped)
	}
	if !bytes.Contains(stripped, append([]byte{sectionCode, 1 + 3*4, 3}, bytes.Repeat(trapBody[:], 3)...)) {
		t.Errorf("the functions have code: %q", stripped)
	}
	for size := range len(module) - 1 {
		if stripped, err := strip(module[:size+1]); err == nil && len(stripped) > len(module) {
			t.Errorf("%d bytes became %d", size+1, len(stripped))
		}
	}
}

func FuzzStrip(f *testing.F) {
	f.Add(wasmtest.Respond("text"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x0a\x02\xff\x7f"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x0c\x01\x01\x0b\x01\x00"))
	f.Fuzz(func(t *testing.T, module []byte) {
		stripped, err := strip(module)
		if err != nil {
			return
		}
		again, err := strip(stripped)
		if err != nil || !bytes.Equal(again, stripped) {
			t.Errorf("%x became %x, and that %x, %v", module, stripped, again, err)
		}
	})
}
