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
	"time"

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
	return &Launcher{modules: modules{shelf: shelf{dir: cacheDir, bound: keepBytes, now: time.Now}, inUse: make(map[moduleKey]*module)}}
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
	sum, err := checksum(spec.Path)
	if err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	if err := spec.CheckSum(sum); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	memory := spec.MemoryLimitMiB
	if memory <= 0 {
		memory = plugin.DefaultMemoryLimitMiB
	}
	module, err := l.modules.acquire(ctx, moduleKey{
		sum:   sum,
		pages: uint32(memory) * pagesPerMiB,
		soft:  spec.WASM.Deadline == plugin.DeadlineSoft,
	}, spec.Path)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	if module.slow != nil {
		logger.Warn("the plugin is compiled at each start", "reason", module.slow.Error())
	}
	i := newInstance(module, spec, logger)
	if err := i.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", spec.Path, err), i.Close(ctx))
	}
	return i, nil
}

// checksum answers the SHA-256 of a module's file as hex. Of a module that is
// compiled nothing else is read.
func checksum(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > maxFile {
		return "", fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return plugin.Checksum(path)
}

// read reads a module's file, which must have the checksum.
func read(path, sum string) (_ []byte, err error) {
	file, err := plugin.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	binary, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if actual := sha256.Sum256(binary); hex.EncodeToString(actual[:]) != sum {
		return nil, errors.New("the file was replaced just now")
	}
	return binary, nil
}
