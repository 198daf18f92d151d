package wasm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/backflow/backflow/sdk/abi"
)

// pagesPerMiB is how many pages of WASM, of 64 KiB, are a MiB.
const pagesPerMiB = 16

// moduleKey is what makes two modules the same: their content, and what in wazero
// is a setting of the runtime.
type moduleKey struct {
	sum   string // SHA-256, as hex
	pages uint32 // the most memory of a guest
	soft  bool   // guests cannot be interrupted
}

// machine is a compiled module with all that it lives on. Nothing of it is shared
// with another: in wazero, closing a module takes its code from all that were
// compiled from the same content with the same cache.
type machine struct {
	runtime  wazero.Runtime
	cache    wazero.CompilationCache
	compiled wazero.CompiledModule
}

// compile compiles a module for guests. Machine code is taken from cache, and
// kept there; compile takes over the cache.
func compile(ctx context.Context, key moduleKey, cache wazero.CompilationCache, module []byte) (*machine, error) {
	config := wazero.NewRuntimeConfig().
		WithCompilationCache(cache).
		WithMemoryLimitPages(key.pages).
		WithCloseOnContextDone(!key.soft).
		WithDebugInfoEnabled(false)
	ctx = experimental.WithCompilationWorkers(ctx, goruntime.GOMAXPROCS(0))
	m := &machine{runtime: wazero.NewRuntimeWithConfig(ctx, config), cache: cache}
	var err error
	if m.compiled, err = m.runtime.CompileModule(ctx, module); err != nil {
		if !bytes.HasPrefix(module, []byte("\x00asm")) {
			err = fmt.Errorf("%w: the file is no WASM module", err)
		}
		return nil, errors.Join(fmt.Errorf("compile: %w", err), m.close())
	}
	if err = checkExports(m.compiled); err == nil {
		err = m.offerImports(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// offerImports makes everything that a guest may import.
func (m *machine) offerImports(ctx context.Context) error {
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, m.runtime); err != nil {
		return fmt.Errorf("offer WASI: %w", err)
	}
	if err := offerHost(ctx, m.runtime); err != nil {
		return fmt.Errorf("offer host functions: %w", err)
	}
	return nil
}

// close gives back all memory at once. No guest may be left.
func (m *machine) close() error {
	ctx := context.Background()
	var err error
	if m.compiled != nil {
		err = m.compiled.Close(ctx)
	}
	return errors.Join(err, m.runtime.Close(ctx), m.cache.Close(ctx))
}

// checkExports makes sure that a module is a plugin, before anything of it runs.
func checkExports(compiled wazero.CompiledModule) error {
	functions := compiled.ExportedFunctions()
	for _, want := range []struct {
		name            string
		params, results []api.ValueType
	}{
		{abi.ExportVersion, nil, []api.ValueType{api.ValueTypeI32}},
		{abi.ExportBuffer, []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}},
		{abi.ExportCall, []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI64}},
	} {
		function, ok := functions[want.name]
		if !ok {
			return fmt.Errorf("the module exports no function %s: it is no plugin, or was not built as a library (for Go: -buildmode=c-shared)", want.name)
		}
		if string(function.ParamTypes()) != string(want.params) || string(function.ResultTypes()) != string(want.results) {
			return fmt.Errorf("the module's function %s has another signature than docs/plugin-abi.md says", want.name)
		}
	}
	if _, ok := compiled.ExportedMemories()["memory"]; !ok {
		return errors.New(`the module exports no memory of the name "memory"`)
	}
	return nil
}
