package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/backflow/backflow/core/plugin"
)

// maxFile bounds a module's file: what is larger is no plugin.
const maxFile = 128 << 20

// Launcher starts WASM plugins.
type Launcher struct {
	modules modules
}

var _ plugin.Launcher = (*Launcher)(nil)

// NewLauncher answers a Launcher that keeps compiled modules in cacheDir, so that
// the next start need not compile them. Whoever can write there can run code as
// the gateway: the directory is made with, and set to, mode 0700. It may be
// removed at any time. Without it, or where it cannot be used, each process
// compiles for itself.
func NewLauncher(cacheDir string) *Launcher {
	return &Launcher{modules: modules{cacheDir: cacheDir, runtimes: make(map[runtimeKey]*runtime)}}
}

// Close says whether everything was closed that was launched; from then on Launch
// fails. It is called when every instance has been closed.
func (l *Launcher) Close() error { return l.modules.close() }

// Launch compiles the module of spec, unless it is compiled already, and starts
// its first guest. Compiling, which only a first start does, does not end with
// the context.
func (l *Launcher) Launch(ctx context.Context, spec plugin.Spec, logger *slog.Logger) (plugin.Instance, error) {
	if len(spec.Env) > 0 {
		return nil, fmt.Errorf("start %s: a WASM plugin has no environment", spec.Path)
	}
	binary, err := read(spec.Path)
	if err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	sum := sha256.Sum256(binary)
	if err := spec.CheckSum(hex.EncodeToString(sum[:])); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	memory := spec.MemoryLimitMiB
	if memory <= 0 {
		memory = plugin.DefaultMemoryLimitMiB
	}
	key := runtimeKey{pages: uint32(memory) * pagesPerMiB, soft: spec.WASM.Deadline == plugin.DeadlineSoft}
	module, err := l.modules.acquire(ctx, key, sum, binary)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	if module.runtime.slow != nil {
		logger.Warn("the plugin is compiled at each start", "reason", module.runtime.slow.Error())
	}
	i := newInstance(module, spec, logger)
	if err := i.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", spec.Path, err), i.Close(ctx))
	}
	return i, nil
}

// read reads a module's file.
func read(path string) (_ []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	binary, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(binary) > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return binary, nil
}
