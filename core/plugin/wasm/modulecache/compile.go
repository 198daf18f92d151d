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
		if !bytes.HasPrefix(module, []byte("\x00asm")) {
			err = fmt.Errorf("%w: the file is no WASM module", err)
		}
		return nil, errors.Join(fmt.Errorf("compile: %w", err), m.close())
	}
	if err := c.prepare(ctx, m.runtime, m.module); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
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
