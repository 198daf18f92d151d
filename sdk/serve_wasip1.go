package sdk

import (
	"log/slog"
	"unsafe" // for go:linkname and for handing memory to the host

	"github.com/backflow/backflow/sdk/abi"
)

// Serve runs p as a WASM guest. It is the whole of a plugin's main, the same as
// for a process, and returns at once: the host calls the guest when it has
// something to ask. A guest is built with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o NAME.wasm
//
// The host runs many guests of a plugin and gives each one call at a time, so
// that what a plugin keeps in memory is a guest's own. Between two calls a guest
// stands still, goroutines included. A panic in a method of p becomes an error of
// that call; one in a goroutine of its own ends the guest, and the next call gets
// a new one.
func Serve(p Plugin) {
	logger := newLineLogger(hostLog{})
	slog.SetDefault(logger)
	served = &guest{plugin: p, logger: logger}
}

// A module has one guest, one call at a time, and a memory that the host reads
// and writes: the state of the two functions below is the module's by nature.
var (
	served   *guest
	request  []byte // where the host writes
	response []byte // what the host reads until its next call
)

// keepBuffer is the largest buffer that is kept for the next call.
const keepBuffer = 1 << 20

// programMain is the plugin's main. In a module that is a library nothing calls
// it, so that it is called here when the host first asks for something.
//
//go:linkname programMain main.main
func programMain()

//go:wasmexport backflow_abi
func exportVersion() uint32 { return abi.Version }

//go:wasmexport backflow_alloc
func exportBuffer(size uint32) uint32 {
	request = make([]byte, max(size, 1))
	return address(request)
}

//go:wasmexport backflow_call
func exportCall(size uint32) uint64 {
	if cap(response) > keepBuffer {
		response = nil
	}
	if served == nil {
		programMain()
	}
	response = served.handle(response[:0], request[:size])
	return uint64(address(response))<<32 | uint64(len(response))
}

// address is where the host finds a buffer, which is never empty. Go does not
// move what is allocated on the heap.
func address(buffer []byte) uint32 { return uint32(uintptr(unsafe.Pointer(&buffer[0]))) }

// hostLog writes lines into the gateway's log.
type hostLog struct{}

//go:wasmimport backflow log
func hostLogLine(line unsafe.Pointer, size uint32)

// Write hands one line over. It never fails.
func (hostLog) Write(line []byte) (int, error) {
	if len(line) > 0 {
		hostLogLine(unsafe.Pointer(&line[0]), uint32(len(line)))
	}
	return len(line), nil
}
