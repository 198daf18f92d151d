package wasm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/backflow/backflow/sdk/abi"
)

// pagesPerMiB is how many pages of WASM, of 64 KiB, are a MiB.
const pagesPerMiB = 16

// runtimeKey is what, in wazero, is a setting of the runtime and not of the
// module.
type runtimeKey struct {
	pages uint32 // the most memory of a guest
	soft  bool   // guests cannot be interrupted
}

// modules are the compiled modules that are in use, by runtime and content.
type modules struct {
	cacheDir string

	mu       sync.Mutex // guards what follows, and all counts
	runtimes map[runtimeKey]*runtime
	closed   bool
}

// runtime is one wazero runtime with its own cache in front of the directory that
// all share: closing a module in one runtime then takes nothing from another.
type runtime struct {
	key     runtimeKey
	wazero  wazero.Runtime
	cache   wazero.CompilationCache
	slow    error // why nothing is kept on disk, nil if it is
	modules map[[sha256.Size]byte]*module
}

// module is a compiled module. It is counted by whoever uses it: each instance,
// and each guest, because a guest with a soft deadline may outlive its instance.
type module struct {
	owner   *modules
	runtime *runtime
	sum     [sha256.Size]byte
	count   int

	compile  sync.Once
	compiled wazero.CompiledModule
	err      error
}

var errClosed = errors.New("wasm: the launcher is closed")

// acquire answers the compiled module, counted. Two starts of one content compile
// it once.
func (m *modules) acquire(ctx context.Context, key runtimeKey, sum [sha256.Size]byte, binary []byte) (*module, error) {
	mod, err := m.enter(ctx, key, sum)
	if err != nil {
		return nil, err
	}
	mod.compile.Do(func() {
		compiled, err := mod.runtime.wazero.CompileModule(context.WithoutCancel(ctx), binary)
		if err != nil {
			mod.err = fmt.Errorf("compile: %w", err)
			return
		}
		mod.compiled, mod.err = compiled, checkExports(compiled)
	})
	if mod.err != nil {
		return nil, errors.Join(mod.err, mod.release())
	}
	return mod, nil
}

// enter finds or makes the module's place.
func (m *modules) enter(ctx context.Context, key runtimeKey, sum [sha256.Size]byte) (*module, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	r := m.runtimes[key]
	if r == nil {
		var err error
		if r, err = newRuntime(ctx, key, m.cacheDir); err != nil {
			return nil, err
		}
		m.runtimes[key] = r
	}
	mod := r.modules[sum]
	if mod == nil {
		mod = &module{owner: m, runtime: r, sum: sum}
		r.modules[sum] = mod
	}
	mod.count++
	return mod, nil
}

// retain counts one more user of a module that the caller has counted already.
func (m *module) retain() {
	m.owner.mu.Lock()
	m.count++
	m.owner.mu.Unlock()
}

// release uncounts a user. With the last one the module goes, and with its last
// module the runtime.
func (m *module) release() error {
	m.owner.mu.Lock()
	defer m.owner.mu.Unlock()
	if m.count--; m.count > 0 {
		return nil
	}
	var err error
	ctx := context.Background()
	if m.compiled != nil {
		err = m.compiled.Close(ctx)
	}
	delete(m.runtime.modules, m.sum)
	if len(m.runtime.modules) == 0 {
		delete(m.owner.runtimes, m.runtime.key)
		err = errors.Join(err, m.runtime.wazero.Close(ctx), m.runtime.cache.Close(ctx))
	}
	if err != nil {
		return fmt.Errorf("wasm: close a module: %w", err)
	}
	return nil
}

// close tells of modules that are still in use.
func (m *modules) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if len(m.runtimes) > 0 {
		return errors.New("wasm: the launcher was closed before its instances")
	}
	return nil
}

// newRuntime makes a runtime with everything that a guest may import.
func newRuntime(ctx context.Context, key runtimeKey, cacheDir string) (*runtime, error) {
	ctx = context.WithoutCancel(ctx)
	cache, slow := openCache(cacheDir)
	if slow != nil {
		cache = wazero.NewCompilationCache()
	}
	config := wazero.NewRuntimeConfig().
		WithCompilationCache(cache).
		WithMemoryLimitPages(key.pages).
		WithCloseOnContextDone(!key.soft).
		WithDebugInfoEnabled(false)
	r := &runtime{key: key, wazero: wazero.NewRuntimeWithConfig(ctx, config), cache: cache, slow: slow, modules: make(map[[sha256.Size]byte]*module)}
	_, err := wasi_snapshot_preview1.Instantiate(ctx, r.wazero)
	if err == nil {
		err = offerHost(ctx, r.wazero)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("wasm: make a runtime: %w", err), r.wazero.Close(ctx), cache.Close(ctx))
	}
	return r, nil
}

// openCache opens the directory of compiled modules.
func openCache(dir string) (wazero.CompilationCache, error) {
	if dir == "" {
		return wazero.NewCompilationCache(), nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache of compiled modules: %w", err)
	}
	// What lies in it is run: a directory that was there before must not be one
	// that others can write to. It fails where the directory is another's.
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs its x bit
		return nil, fmt.Errorf("cache of compiled modules: %w", err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cache of compiled modules: %w", err)
	}
	return cache, nil
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
