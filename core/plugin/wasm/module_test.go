package wasm

import (
	"encoding/binary"

	"github.com/backflow/backflow/sdk/abi"
)

// handmade is a guest without an SDK, whose functions are code of WebAssembly
// without locals and final end: see https://www.w3.org/TR/wasm-core-2/#binary-instr
type handmade struct {
	version, alloc, call string
	init                 string // of _initialize, which is there if it is not empty
	pages                uint32 // of memory; zero for one
	tables               string // the section's content, if it is not empty
	data                 []byte // at address 1024
}

// The functions that a handmade guest imports, and itself has, by index.
const (
	callLog     = "\x10\x00"
	callSend    = "\x10\x01"
	callReceive = "\x10\x02"
	callItself  = "\x10\x05"
)

func i32(n int32) string { return "\x41" + string(appendInt32(nil, n)) }

func i64(n int32) string { return "\x42" + string(appendInt32(nil, n)) }

// answering is the code that answers what lies at an address.
func answering(at, size int32) string { return i64(at) + i64(32) + "\x86" + i64(size) + "\x84" }

// module writes the guest.
func (h handmade) module() []byte {
	if h.version == "" {
		h.version = i32(abi.Version)
	}
	if h.alloc == "" {
		h.alloc = i32(8192)
	}
	if h.call == "" {
		h.call = answering(1024, int32(len(h.data)))
	}
	functions, exports, codes := "\x00\x01\x02", export("memory", 2, 0)+export(abi.ExportVersion, 0, 3)+export(abi.ExportBuffer, 0, 4)+export(abi.ExportCall, 0, 5), body(h.version)+body(h.alloc)+body(h.call)
	if h.init != "" {
		functions += "\x06"
		exports += export("_initialize", 0, 6)
		codes += body(h.init)
	}
	own := byte(len(functions))
	m := []byte("\x00asm\x01\x00\x00\x00")
	m = appendSection(m, 1, []byte("\x07"+
		"\x60\x00\x01\x7f"+ // 0: () i32
		"\x60\x01\x7f\x01\x7f"+ // 1: (i32) i32
		"\x60\x01\x7f\x01\x7e"+ // 2: (i32) i64
		"\x60\x02\x7f\x7f\x00"+ // 3: (i32, i32)
		"\x60\x01\x7f\x00"+ // 4: (i32)
		"\x60\x02\x7f\x7f\x01\x7f"+ // 5: (i32, i32) i32
		"\x60\x00\x00")) // 6: ()
	m = appendSection(m, 2, []byte("\x03"+imported(abi.HostLog, 3)+imported(abi.HostSend, 5)+imported(abi.HostReceive, 4)))
	m = appendSection(m, 3, append([]byte{own}, functions...))
	if h.tables != "" {
		m = appendSection(m, sectionTable, []byte(h.tables))
	}
	m = appendSection(m, 5, binary.AppendUvarint([]byte{1, 0}, uint64(max(h.pages, 1))))
	m = appendSection(m, 7, append([]byte{own + 1}, exports...))
	m = appendSection(m, sectionCode, append([]byte{own}, codes...))
	data := binary.AppendUvarint([]byte("\x01\x00"+i32(1024)+"\x0b"), uint64(len(h.data)))
	return appendSection(m, sectionData, append(data, h.data...))
}

func text(s string) string { return string(binary.AppendUvarint(nil, uint64(len(s)))) + s }

func imported(name string, kind byte) string {
	return text(abi.HostModule) + text(name) + "\x00" + string(kind)
}

func export(name string, kind, index byte) string { return text(name) + string([]byte{kind, index}) }

func body(code string) string { return text("\x00" + code + "\x0b") }

// tiny is a module that answers the text to every request.
func tiny(answer string) []byte {
	return handmade{data: abi.Append(abi.Begin(nil, abi.OK), abi.Body, answer)}.module()
}
