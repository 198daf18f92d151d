package modulecache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// compiledModule is a compiled module with its own runtime and cache. Nothing of
// it is shared with another: in wazero, closing a module takes its code from all
// that were compiled from the same content with the same cache.
type compiledModule struct {
	runtime wazero.Runtime
	cache   wazero.CompilationCache
	module  wazero.CompiledModule
}

// compiler compiles modules.
type compiler struct{ prepare Prepare }

// compile compiles a module for guests. It takes machine code from cache, and
// keeps it there. It takes over the cache.
func (c compiler) compile(ctx context.Context, key Key, cache wazero.CompilationCache, module []byte) (*compiledModule, error) {
	config := wazero.NewRuntimeConfig().
		WithCompilationCache(cache).
		WithMemoryLimitPages(key.MemoryPages).
		WithCloseOnContextDone(!key.Soft).
		WithDebugInfoEnabled(false)
	ctx = experimental.WithCompilationWorkers(ctx, goruntime.GOMAXPROCS(0))
	m := &compiledModule{runtime: wazero.NewRuntimeWithConfig(ctx, config), cache: cache}
	var err error
	if m.module, err = m.runtime.CompileModule(ctx, module); err != nil {
		return nil, errors.Join(explainCompile(module, err), m.close())
	}
	if err := c.prepare(ctx, m.runtime, m.module); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// The first bytes of a module and of a component (WebAssembly Core Specification,
// section 5.5.16; Component Model, Binary.md).
const (
	modulePreamble    = "\x00asm\x01\x00\x00\x00"
	componentPreamble = "\x00asm\x0d\x00\x01\x00"
)

// explainCompile says what a file is that cannot be compiled, where its first bytes
// show it.
func explainCompile(file []byte, err error) error {
	switch {
	case len(file) == 0:
		return errors.New("the file is empty")
	case bytes.HasPrefix(file, []byte(componentPreamble)):
		return errors.New("the file is a WASM component, and a plugin is a core module: build it for wasip1 or wasm32-wasip1, not for wasip2")
	case bytes.HasPrefix(file, []byte(modulePreamble)):
		return fmt.Errorf("compile: %w: the module is damaged, or uses what this gateway does not know", err)
	case bytes.HasPrefix(file, []byte(modulePreamble[:4])):
		return fmt.Errorf("compile: %w: the file is of another version of WASM than 1, or cut off", err)
	case bytes.HasPrefix(file, []byte("\x7fELF")), bytes.HasPrefix(file, []byte("#!")):
		return fmt.Errorf("compile: %w: the file is no WASM module but a program: name it backflow-plugin-NAME", err)
	}
	return fmt.Errorf("compile: %w: the file is no WASM module", err)
}

// compileInto compiles with a cache of its own in a directory.
func (c compiler) compileInto(ctx context.Context, key Key, dir string, module []byte) (*compiledModule, error) {
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cache of compiled modules: %w", err)
	}
	return c.compile(ctx, key, cache, module)
}

// close gives back all memory at once. No guest may be left.
func (m *compiledModule) close() error {
	ctx := context.Background()
	var err error
	if m.module != nil {
		err = m.module.Close(ctx)
	}
	return errors.Join(err, m.runtime.Close(ctx), m.cache.Close(ctx))
}
