package wasm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero"
)

// shelf keeps machine code on disk, so that the next start need not compile.
//
// wazero takes machine code from its cache by the module's checksum, but decodes
// and validates the whole module each time, which is most of a start's cost. So
// what lies here, for each module, is its skeleton, the module without code, and
// the machine code of the whole under the checksum of the skeleton:
//
//	SUM-hard/skeleton.wasm
//	SUM-hard/wazero-VERSION-ARCH-OS/CHECKSUM
//
// A skeleton that wazero itself compiled would do nothing but trap. So after each
// load it is made sure that the machine code came from here. Nothing is locked:
// an entry appears as a whole, and one that another gateway takes away meanwhile,
// that is damaged, or that is of another wazero or processor, is made again.
type shelf struct {
	dir   string // empty to keep nothing
	bound int64  // in bytes, see prune
	now   func() time.Time
}

const skeletonFile = "skeleton.wasm"

// compile compiles a module's file, or finds it compiled. The second result is
// why its machine code is not kept.
func (s *shelf) compile(ctx context.Context, key moduleKey, path string) (_ *machine, slow, _ error) {
	entry := s.entry(key)
	if s.dir != "" {
		if slow = makePrivate(s.dir); slow == nil {
			if m := load(ctx, key, entry); m != nil {
				// That it was used now is what prune goes by.
				return m, os.Chtimes(entry, s.now(), s.now()), nil
			}
		}
	}
	binary, err := read(path, key.sum)
	if err == nil {
		binary, err = boundTables(binary)
	}
	if err != nil {
		return nil, nil, err
	}
	if s.dir != "" && slow == nil {
		return s.fill(ctx, key, entry, binary)
	}
	m, err := compile(ctx, key, wazero.NewCompilationCache(), binary)
	return m, slow, err
}

// entry is the directory of a module. Its memory limit makes no other code.
func (s *shelf) entry(key moduleKey) string {
	kind := "hard"
	if key.soft {
		kind = "soft"
	}
	return filepath.Join(s.dir, key.sum+"-"+kind)
}

// load answers what an entry holds, nil where it is of no use.
func load(ctx context.Context, key moduleKey, entry string) *machine {
	bare, err := os.ReadFile(filepath.Join(entry, skeletonFile))
	if err != nil {
		return nil
	}
	_, kept, err := machineCode(entry)
	if err != nil {
		return nil
	}
	m, err := compileInto(ctx, key, entry, bare)
	if err != nil {
		return nil
	}
	if _, now, err := machineCode(entry); err == nil && os.SameFile(kept, now) {
		return m
	}
	// It would have been written anew had wazero not read it.
	_ = m.close()
	return nil
}

// fill compiles a module and makes its entry. Where that fails the module is as
// good, and the reason is answered apart.
func (s *shelf) fill(ctx context.Context, key moduleKey, entry string, binary []byte) (m *machine, slow, err error) {
	unkept := func(failed error) (*machine, error, error) {
		m, err := compile(ctx, key, wazero.NewCompilationCache(), binary)
		return m, fmt.Errorf("keep a compiled module: %w", failed), err
	}
	work, err := os.MkdirTemp(s.dir, workPrefix)
	if err != nil {
		return unkept(err)
	}
	defer func() { slow = errors.Join(slow, os.RemoveAll(work)) }()
	whole := filepath.Join(work, "whole")
	if m, err = compileInto(ctx, key, whole, binary); err != nil {
		return unkept(err) // the disk may be full
	}
	if err := put(ctx, key, binary, whole, filepath.Join(work, "new"), entry); err != nil {
		return m, fmt.Errorf("keep a compiled module: %w", err), nil
	}
	return m, s.prune(entry), nil
}

// put makes an entry of the machine code in whole, first under another name.
func put(ctx context.Context, key moduleKey, binary []byte, whole, unfinished, entry string) error {
	bare, err := skeleton(binary)
	if err != nil {
		return err
	}
	// Compiling it tells under which name wazero looks for it.
	m, err := compileInto(ctx, key, unfinished, bare)
	if err != nil {
		return err
	}
	if err := m.close(); err != nil {
		return err
	}
	name, _, err := machineCode(unfinished)
	if err != nil {
		return err
	}
	code, _, err := machineCode(whole)
	if err != nil {
		return err
	}
	if err := os.Rename(code, name); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(unfinished, skeletonFile), bare, 0o600); err != nil {
		return err
	}
	if err := os.RemoveAll(entry); err != nil {
		return err
	}
	if err := os.Rename(unfinished, entry); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil // where there is one by now, another gateway was faster
}

// compileInto compiles with a cache of its own in a directory.
func compileInto(ctx context.Context, key moduleKey, dir string, module []byte) (*machine, error) {
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cache of compiled modules: %w", err)
	}
	return compile(ctx, key, cache, module)
}

// machineCode finds the one file that wazero keeps in a directory.
func machineCode(dir string) (string, os.FileInfo, error) {
	files, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	if err != nil {
		return "", nil, err
	}
	if len(files) != 1 {
		return "", nil, fmt.Errorf("%d files of machine code instead of one", len(files))
	}
	info, err := os.Stat(files[0])
	return files[0], info, err
}

// makePrivate makes a directory that nobody else can write to: what lies in it is
// run. It fails where the directory is another's.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cache of compiled modules: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs its x bit
		return fmt.Errorf("cache of compiled modules: %w", err)
	}
	return nil
}
