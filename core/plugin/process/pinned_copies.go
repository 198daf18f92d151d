package process

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/backflow/backflow/core/plugin"
)

// pinnedCopies are private copies of pinned plugins. Between the check of a file and
// its start another account may write to it, and once the file was replaced there
// would be nothing left to start the pinned plugin from. So the bytes that were
// checked are kept where only the gateway's account can write, and run from there.
type pinnedCopies struct {
	directory *directory

	mu   sync.Mutex          // guards what follows
	kept map[string][]string // checksums by plugin, the last one used at the end
}

// maxCopies is how many copies of a plugin are kept: the one in force and the one
// that is about to take its place.
const maxCopies = 2

// program returns the file to run for a spec: the plugin's own, or a copy if it is
// pinned.
func (c *pinnedCopies) program(spec plugin.Spec) (string, error) {
	if spec.SHA256 == "" {
		return spec.Path, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	dir, err := c.directory.copiesDir()
	if err != nil {
		return "", err
	}
	sum := strings.ToLower(spec.SHA256)
	copied := filepath.Join(dir, sum)
	if actual, err := plugin.Checksum(copied); err != nil || actual != sum {
		if err := c.copy(spec, copied); err != nil {
			return "", err
		}
	}
	return copied, c.keep(spec.Name, sum, dir)
}

// copy copies the plugin's file, if it is the right one.
func (c *pinnedCopies) copy(spec plugin.Spec, to string) error {
	sum, err := copyFile(spec.Path, to+".new")
	if err == nil {
		err = spec.VerifyChecksum(sum)
	}
	if err == nil {
		err = os.Rename(to+".new", to)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(to+".new"))
	}
	return nil
}

// copyFile copies a program and returns the checksum of what it copied. No process is
// started meanwhile: a child would inherit the descriptor for a moment, and a file that
// is open for writing cannot be executed (ETXTBSY, see https://go.dev/issue/22315).
func copyFile(from, to string) (sum string, err error) {
	source, err := plugin.Open(from)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o700) //nolint:gosec // a program needs its x bit
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(target, hash), source)
	if err := errors.Join(err, target.Close()); err != nil {
		return "", fmt.Errorf("copy %s: %w", from, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// keep notes that a copy is in use, and removes older ones of the plugin. A plugin
// that runs does not need its file.
func (c *pinnedCopies) keep(name, sum, dir string) error {
	if c.kept == nil {
		c.kept = make(map[string][]string)
	}
	kept := slices.DeleteFunc(c.kept[name], func(s string) bool { return s == sum })
	kept = append(kept, sum)
	var err error
	for ; len(kept) > maxCopies; kept = kept[1:] {
		if !c.usedByOther(name, kept[0]) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, kept[0])))
		}
	}
	c.kept[name] = kept
	return err
}

// usedByOther reports whether another plugin has the same content.
func (c *pinnedCopies) usedByOther(except, sum string) bool {
	for name, sums := range c.kept {
		if name != except && slices.Contains(sums, sum) {
			return true
		}
	}
	return false
}
