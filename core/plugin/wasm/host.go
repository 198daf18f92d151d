package wasm

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/backflow/backflow/sdk/abi"
)

// maxLogLine bounds one log record of a guest, in bytes. A longer one is cut.
const maxLogLine = 64 << 10

var (
	errInterrupted = errors.New("interrupted")
	errOutside     = errors.New("a host call names memory that is not there")
	errNoResponse  = errors.New("http_receive without a response")
)

// addHostModule adds the module that guests import from. A host function ends the
// guest that misuses it by a panic, which is how wazero takes errors.
func addHostModule(ctx context.Context, r wazero.Runtime) error {
	i32 := api.ValueTypeI32
	builder := r.NewHostModuleBuilder(abi.HostModule)
	for _, f := range []struct {
		name            string
		run             func(g *guest, memory api.Memory, stack []uint64)
		params, results []api.ValueType
	}{
		{abi.HostLog, hostLog, []api.ValueType{i32, i32}, nil},
		{abi.HostSend, hostSend, []api.ValueType{i32, i32}, []api.ValueType{i32}},
		{abi.HostReceive, hostReceive, []api.ValueType{i32}, nil},
	} {
		builder.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
			g := callingGuest(ctx)
			// A guest with a soft deadline cannot be interrupted elsewhere.
			if g.ctx.Err() != nil {
				panic(errInterrupted)
			}
			f.run(g, mod.Memory(), stack)
		}), f.params, f.results).Export(f.name)
	}
	_, err := builder.Instantiate(ctx)
	return err
}

// hostLog logs one record.
func hostLog(g *guest, memory api.Memory, stack []uint64) {
	size := uint32(stack[1])
	line, ok := memory.Read(uint32(stack[0]), min(size, maxLogLine))
	if !ok {
		panic(errOutside)
	}
	g.lines.Record(line)
}

// hostSend sends an HTTP request and returns the length of the response, which waits
// for http_receive.
func hostSend(g *guest, memory api.Memory, stack []uint64) {
	request, ok := memory.Read(uint32(stack[0]), uint32(stack[1]))
	if !ok {
		panic(errOutside)
	}
	frame, err := abi.Parse(request)
	if err != nil {
		panic(err)
	}
	g.response = g.http.send(g, frame)
	stack[0] = uint64(len(g.response))
}

// hostReceive copies the response into the guest's memory.
func hostReceive(g *guest, memory api.Memory, stack []uint64) {
	if len(g.response) == 0 {
		panic(errNoResponse)
	}
	if !memory.Write(uint32(stack[0]), g.response) {
		panic(errOutside)
	}
	g.response = nil
}
