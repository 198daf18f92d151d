// Package wasmtest writes WASM modules byte by byte, for tests of what no SDK would
// do. It shares no code with what it tests. Only tests may import it.
//
// The package imports sdk/abi.
package wasmtest

import (
	"encoding/binary"

	"github.com/backflow/backflow/sdk/abi"
)

// Module is a guest without an SDK. Its functions are code of WebAssembly, without
// locals and without the final end:
// https://www.w3.org/TR/wasm-core-2/#binary-instr
type Module struct {
	// Version, Alloc and Call are the functions of the ABI. Where one is empty, it
	// does what a plugin's function does; Call returns Data.
	Version, Alloc, Call string
	// Init is the function _initialize, which the module has if Init is not empty.
	Init string
	// Pages is how much memory the module begins with, in pages of 64 KiB; zero
	// means one.
	Pages uint32
	// Tables is the content of the section of tables, which the module has if
	// Tables is not empty.
	Tables string
	// Data is in memory at address DataAddress.
	Data []byte
}

// DataAddress is where a Module has its Data.
const DataAddress = 1024

// Code that calls a function that a Module imports, or its own Call.
const (
	CallLog     = "\x10\x00"
	CallSend    = "\x10\x01"
	CallReceive = "\x10\x02"
	CallItself  = "\x10\x05"
)

// I32 is the code of a constant.
func I32(n int32) string { return "\x41" + leb128(n) }

// I64 is the code of a constant.
func I64(n int32) string { return "\x42" + leb128(n) }

// Return is the code that returns what is in memory at an address.
func Return(at, size int32) string { return I64(at) + I64(32) + "\x86" + I64(size) + "\x84" }

// Bytes writes the module.
func (m Module) Bytes() []byte {
	if m.Version == "" {
		m.Version = I32(abi.Version)
	}
	if m.Alloc == "" {
		m.Alloc = I32(8192)
	}
	if m.Call == "" {
		m.Call = Return(DataAddress, int32(len(m.Data)))
	}
	functions, exports, codes := "\x00\x01\x02", export("memory", 2, 0)+export(abi.ExportVersion, 0, 3)+export(abi.ExportBuffer, 0, 4)+export(abi.ExportCall, 0, 5), body(m.Version)+body(m.Alloc)+body(m.Call)
	if m.Init != "" {
		functions += "\x06"
		exports += export("_initialize", 0, 6)
		codes += body(m.Init)
	}
	own := byte(len(functions))
	b := []byte("\x00asm\x01\x00\x00\x00")
	b = appendSection(b, sectionType, []byte("\x07"+
		"\x60\x00\x01\x7f"+ // 0: () i32
		"\x60\x01\x7f\x01\x7f"+ // 1: (i32) i32
		"\x60\x01\x7f\x01\x7e"+ // 2: (i32) i64
		"\x60\x02\x7f\x7f\x00"+ // 3: (i32, i32)
		"\x60\x01\x7f\x00"+ // 4: (i32)
		"\x60\x02\x7f\x7f\x01\x7f"+ // 5: (i32, i32) i32
		"\x60\x00\x00")) // 6: ()
	b = appendSection(b, sectionImport, []byte("\x03"+imported(abi.HostLog, 3)+imported(abi.HostSend, 5)+imported(abi.HostReceive, 4)))
	b = appendSection(b, sectionFunction, append([]byte{own}, functions...))
	if m.Tables != "" {
		b = appendSection(b, sectionTable, []byte(m.Tables))
	}
	b = appendSection(b, sectionMemory, binary.AppendUvarint([]byte{1, 0}, uint64(max(m.Pages, 1))))
	b = appendSection(b, sectionExport, append([]byte{own + 1}, exports...))
	b = appendSection(b, sectionCode, append([]byte{own}, codes...))
	data := binary.AppendUvarint([]byte("\x01\x00"+I32(DataAddress)+"\x0b"), uint64(len(m.Data)))
	return appendSection(b, sectionData, append(data, m.Data...))
}

func text(s string) string { return string(binary.AppendUvarint(nil, uint64(len(s)))) + s }

func imported(name string, kind byte) string {
	return text(abi.HostModule) + text(name) + "\x00" + string(kind)
}

func export(name string, kind, index byte) string { return text(name) + string([]byte{kind, index}) }

func body(code string) string { return text("\x00" + code + "\x0b") }

// Respond is a module that returns the result to every request.
func Respond(result string) []byte {
	return Module{Data: abi.Append(abi.Begin(nil, abi.OK), abi.Body, result)}.Bytes()
}

// The sections that a Module has: https://www.w3.org/TR/wasm-core-2/#sections
const (
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionTable    = 4
	sectionMemory   = 5
	sectionExport   = 7
	sectionCode     = 10
	sectionData     = 11
)

// appendSection adds a section to a module.
func appendSection(module []byte, id byte, content []byte) []byte {
	module = binary.AppendUvarint(append(module, id), uint64(len(content)))
	return append(module, content...)
}

// leb128 writes a signed number.
func leb128(n int32) string {
	var b []byte
	for n < -64 || n > 63 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return string(append(b, byte(n)&0x7f))
}
