package modulecache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero"
)

// diskCache keeps machine code on disk, so that the next start need not compile.
//
// wazero takes machine code from its cache by the module's checksum, but decodes
// and validates the whole module each time, which is most of a start's cost. So
// an entry holds the stripped module, which has no code, and the machine code of
// the whole module under the checksum of the stripped one:
//
//	SUM-hard/skeleton.wasm
//	SUM-hard/wazero-VERSION-ARCH-OS/CHECKSUM
//
// A stripped module that wazero itself compiled would do nothing but trap. So
// after each load diskCache makes sure that the machine code came from here.
// Nothing is locked: an entry appears as a whole. One that another gateway
// removes meanwhile, that is damaged, or that is of another wazero or processor
// is made again.
type diskCache struct {
	dir      string // empty to keep nothing
	maxBytes int64  // of all entries, see prune
	now      func() time.Time
	compiler compiler
}

// strippedFile is the name of the stripped module within an entry. Entries of
// earlier versions have it too.
const strippedFile = "skeleton.wasm"

// compile compiles a module's file, or finds it compiled. cacheErr is why its
// machine code is not kept.
func (d *diskCache) compile(ctx context.Context, key Key, path string) (_ *compiledModule, cacheErr, _ error) {
	entry := d.entry(key)
	if d.dir != "" {
		if cacheErr = makePrivate(d.dir); cacheErr == nil {
			if m := d.load(ctx, key, entry); m != nil {
				// prune goes by the time of the last use.
				return m, os.Chtimes(entry, d.now(), d.now()), nil
			}
		}
	}
	binary, err := read(path, key.SHA256)
	if err == nil {
		binary, err = boundTables(binary)
	}
	if err != nil {
		return nil, nil, err
	}
	if d.dir != "" && cacheErr == nil {
		return d.fill(ctx, key, entry, binary)
	}
	m, err := d.compiler.compile(ctx, key, wazero.NewCompilationCache(), binary)
	return m, cacheErr, err
}

// entry is the directory of a module. Modules that differ only in their memory
// limit have the same code, and share it.
func (d *diskCache) entry(key Key) string {
	kind := "hard"
	if key.Soft {
		kind = "soft"
	}
	return filepath.Join(d.dir, key.SHA256+"-"+kind)
}

// load returns the module of an entry, nil if the entry cannot be used.
func (d *diskCache) load(ctx context.Context, key Key, entry string) *compiledModule {
	stripped, err := os.ReadFile(filepath.Join(entry, strippedFile))
	if err != nil {
		return nil
	}
	_, before, err := machineCode(entry)
	if err != nil {
		return nil
	}
	m, err := d.compiler.compileInto(ctx, key, entry, stripped)
	if err != nil {
		return nil
	}
	if _, after, err := machineCode(entry); err == nil && os.SameFile(before, after) {
		return m
	}
	// wazero has not read the file, or it would not have written another one.
	_ = m.close()
	return nil
}

// fill compiles a module and makes its entry. If only the entry fails, the module
// is returned with the reason in cacheErr.
func (d *diskCache) fill(ctx context.Context, key Key, entry string, binary []byte) (m *compiledModule, cacheErr, err error) {
	withoutEntry := func(failed error) (*compiledModule, error, error) {
		m, err := d.compiler.compile(ctx, key, wazero.NewCompilationCache(), binary)
		return m, fmt.Errorf("keep a compiled module: %w", failed), err
	}
	work, err := os.MkdirTemp(d.dir, workPrefix)
	if err != nil {
		return withoutEntry(err)
	}
	defer func() { cacheErr = errors.Join(cacheErr, os.RemoveAll(work)) }()
	whole := filepath.Join(work, "whole")
	if m, err = d.compiler.compileInto(ctx, key, whole, binary); err != nil {
		return withoutEntry(err) // the disk may be full
	}
	if err := d.put(ctx, key, binary, whole, filepath.Join(work, "new"), entry); err != nil {
		return m, fmt.Errorf("keep a compiled module: %w", err), nil
	}
	return m, d.prune(entry), nil
}

// put makes an entry of the machine code in whole, first under another name.
func (d *diskCache) put(ctx context.Context, key Key, binary []byte, whole, unfinished, entry string) error {
	stripped, err := strip(binary)
	if err != nil {
		return err
	}
	// Compiling the stripped module shows under which name wazero looks for its
	// machine code.
	m, err := d.compiler.compileInto(ctx, key, unfinished, stripped)
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
	if err := os.WriteFile(filepath.Join(unfinished, strippedFile), stripped, 0o600); err != nil {
		return err
	}
	if err := os.RemoveAll(entry); err != nil {
		return err
	}
	if err := os.Rename(unfinished, entry); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil // if there is an entry by now, another gateway was faster
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

// makePrivate makes a directory that only this user can write to, because its
// content is executed. It fails if the directory belongs to another user.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cache of compiled modules: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs its x bit
		return fmt.Errorf("cache of compiled modules: %w", err)
	}
	return nil
}
