package wasm

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// modules are the compiled modules that are in use.
type modules struct {
	shelf shelf

	mu     sync.Mutex // guards what follows, and all counts
	inUse  map[moduleKey]*module
	closed bool
}

// module is a compiled module. It is counted by whoever uses it: each instance,
// and each guest, because a guest with a soft deadline may outlive its instance.
type module struct {
	owner *modules
	key   moduleKey
	count int

	compile sync.Once
	*machine
	err error
	// slow is why the machine code is not kept, nil if it is.
	slow error
}

var errClosed = errors.New("wasm: the launcher is closed")

// acquire answers the compiled module of a file, counted. Two starts of one
// content compile it once.
func (m *modules) acquire(ctx context.Context, key moduleKey, path string) (*module, error) {
	mod, err := m.enter(key)
	if err != nil {
		return nil, err
	}
	mod.compile.Do(func() {
		mod.machine, mod.slow, mod.err = m.shelf.compile(context.WithoutCancel(ctx), key, path)
	})
	if mod.err != nil {
		return nil, errors.Join(mod.err, mod.release())
	}
	return mod, nil
}

// enter finds or makes the module's place.
func (m *modules) enter(key moduleKey) (*module, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	mod := m.inUse[key]
	if mod == nil {
		mod = &module{owner: m, key: key}
		m.inUse[key] = mod
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

// release uncounts a user. With the last one the module goes.
func (m *module) release() error {
	m.owner.mu.Lock()
	defer m.owner.mu.Unlock()
	if m.count--; m.count > 0 {
		return nil
	}
	delete(m.owner.inUse, m.key)
	if m.machine == nil {
		return nil
	}
	if err := m.machine.close(); err != nil {
		return fmt.Errorf("wasm: close a module: %w", err)
	}
	return nil
}

// close tells of modules that are still in use.
func (m *modules) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if len(m.inUse) > 0 {
		return errors.New("wasm: the launcher was closed before its instances")
	}
	return nil
}
