package wasm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/wasm/modulecache"
)

// pagesPerMiB is how many pages of WASM memory, of 64 KiB, are a MiB.
const pagesPerMiB = 16

// Launcher starts WASM plugins.
type Launcher struct {
	modules *modulecache.Cache
}

var _ plugin.Launcher = (*Launcher)(nil)

// NewLauncher returns a Launcher that keeps compiled modules in cacheDir, so that
// the next start need not compile them. Everyone who can write there can run code
// as the gateway: the directory is made with, and set to, mode 0700. It may be
// removed at any time. Without it, or where it cannot be used, each process
// compiles for itself.
func NewLauncher(cacheDir string) *Launcher {
	return &Launcher{modules: modulecache.New(cacheDir, prepare)}
}

// Close makes Launch fail from now on. It is called when every instance has been
// closed; it returns an error if one is left.
func (l *Launcher) Close() error { return l.modules.Close() }

// Launch compiles the module of spec, unless it is compiled already, and starts its
// first guest. Compiling, which only a first start does, does not end with the
// context.
func (l *Launcher) Launch(ctx context.Context, spec plugin.Spec, logger *slog.Logger) (plugin.Instance, error) {
	if len(spec.Env) > 0 {
		return nil, fmt.Errorf("start %s: a WASM plugin has no environment", spec.Path)
	}
	sum, err := modulecache.Checksum(spec.Path)
	if err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	if err := spec.VerifyChecksum(sum); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	memory := spec.MemoryLimitMiB
	if memory <= 0 {
		memory = plugin.DefaultMemoryLimitMiB
	}
	module, err := l.modules.Acquire(ctx, modulecache.Key{
		SHA256:      sum,
		MemoryPages: uint32(memory) * pagesPerMiB,
		Soft:        spec.WASM.Deadline == plugin.DeadlineSoft,
	}, spec.Path)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	if err := module.CacheErr(); err != nil {
		logger.Warn("the plugin is compiled at each start", "reason", err.Error())
	}
	i := newInstance(module, spec, logger)
	if err := i.startFirst(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", spec.Path, err), i.Close(ctx))
	}
	return i, nil
}
