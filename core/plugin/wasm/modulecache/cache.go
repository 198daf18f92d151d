package modulecache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Key is what makes two modules the same: their content, and what in wazero is a
// setting of the runtime.
type Key struct {
	// SHA256 is the checksum of the module's file, as hex.
	SHA256 string
	// MemoryPages is the most memory of a guest, in pages of 64 KiB.
	MemoryPages uint32
	// Soft says that guests cannot be interrupted.
	Soft bool
}

// Prepare checks a compiled module, and adds to the runtime what the module may
// import.
type Prepare func(context.Context, wazero.Runtime, wazero.CompiledModule) error

// Cache holds the compiled modules that are in use. It is safe for concurrent
// use.
type Cache struct {
	disk diskCache

	mu     sync.Mutex // guards what follows, and the users of all modules
	inUse  map[Key]*Module
	closed bool
}

// New returns a Cache that keeps machine code in dir. Without a usable dir each
// process compiles for itself. An account that can write to dir can run code as
// the gateway, so dir is created with, and set to, mode 0700. It may be removed
// at any time. prepare is called once for each module that is compiled.
func New(dir string, prepare Prepare) *Cache {
	return &Cache{
		disk:  diskCache{dir: dir, maxBytes: keepBytes, now: time.Now, compiler: compiler{prepare}},
		inUse: make(map[Key]*Module),
	}
}

// Module is a compiled module. Each user counts, because guests may outlive the
// instance that started them. It is safe for concurrent use.
type Module struct {
	cache *Cache
	key   Key
	users int

	compile  sync.Once
	compiled *compiledModule
	err      error
	cacheErr error
}

var errClosed = errors.New("wasm: the module cache is closed")

// Acquire returns the compiled module of the file at path, counted: the caller
// releases it. Two callers with one key compile it once. Compiling does not end
// with the context. The error says why the file cannot be read or compiled, or
// that its content is not the one of the key any more.
func (c *Cache) Acquire(ctx context.Context, key Key, path string) (*Module, error) {
	m, err := c.enter(key)
	if err != nil {
		return nil, err
	}
	m.compile.Do(func() {
		m.compiled, m.cacheErr, m.err = c.disk.compile(context.WithoutCancel(ctx), key, path)
	})
	if m.err != nil {
		return nil, errors.Join(m.err, m.Release())
	}
	return m, nil
}

// enter finds or makes the module's place.
func (c *Cache) enter(key Key) (*Module, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	m := c.inUse[key]
	if m == nil {
		m = &Module{cache: c, key: key}
		c.inUse[key] = m
	}
	m.users++
	return m, nil
}

// Close makes Acquire fail from now on. It returns an error if modules are still
// in use.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if len(c.inUse) > 0 {
		return errors.New("wasm: the module cache was closed before its modules")
	}
	return nil
}

// Key returns the key that the module was acquired with.
func (m *Module) Key() Key { return m.key }

// CacheErr returns why the machine code is not kept on disk, nil if it is or if
// the Cache has no directory.
func (m *Module) CacheErr() error { return m.cacheErr }

// Instantiate starts a guest. The caller closes it before it releases the module.
func (m *Module) Instantiate(ctx context.Context, config wazero.ModuleConfig) (api.Module, error) {
	return m.compiled.runtime.InstantiateModule(ctx, m.compiled.module, config)
}

// Retain counts one more user of a module that the caller has counted already.
func (m *Module) Retain() {
	m.cache.mu.Lock()
	m.users++
	m.cache.mu.Unlock()
}

// Release uncounts a user. The last one closes the module.
func (m *Module) Release() error {
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	if m.users--; m.users > 0 {
		return nil
	}
	delete(m.cache.inUse, m.key)
	if m.compiled == nil {
		return nil
	}
	if err := m.compiled.close(); err != nil {
		return fmt.Errorf("wasm: close a module: %w", err)
	}
	return nil
}
