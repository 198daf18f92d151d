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

	"github.com/backflow/backflow/core/plugin"
)

// images are private copies of pinned plugins. Between the check of a file and
// its start somebody may write to it, and afterwards there is nothing left to
// start a plugin from whose file was replaced: so the bytes that were checked are
// kept where only the gateway's account can write, and run from there.
type images struct {
	thread    *thread
	directory *directory

	mu   sync.Mutex          // guards what follows
	kept map[string][]string // checksums by plugin, the last one used at the end
}

// keptImages is how many copies of a plugin are kept: the one in force and the
// one that is about to take its place.
const keptImages = 2

// program answers the file to run for a spec: its own, or a copy where it is
// pinned.
func (i *images) program(spec plugin.Spec) (string, error) {
	if spec.SHA256 == "" {
		return spec.Path, nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	dir, err := i.directory.images()
	if err != nil {
		return "", err
	}
	sum := strings.ToLower(spec.SHA256)
	copied := filepath.Join(dir, sum)
	if actual, err := plugin.Checksum(copied); err != nil || actual != sum {
		if err := i.copy(spec, copied); err != nil {
			return "", err
		}
	}
	return copied, i.keep(spec.Name, sum, dir)
}

// copy copies the plugin's file, if it is the right one.
func (i *images) copy(spec plugin.Spec, to string) error {
	// On the thread that starts children: one that is started while the copy is
	// written inherits its descriptor for a moment, and a file that is open for
	// writing cannot be executed (ETXTBSY).
	return i.thread.do(func() error {
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
	})
}

// copyFile copies a file and answers the checksum of what was copied.
func copyFile(from, to string) (sum string, err error) {
	source, err := plugin.Open(from)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
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

// keep notes that a copy is in use, and removes those that no longer can be. A
// plugin that runs does not need its file.
func (i *images) keep(name, sum, dir string) error {
	if i.kept == nil {
		i.kept = make(map[string][]string)
	}
	kept := slices.DeleteFunc(i.kept[name], func(s string) bool { return s == sum })
	kept = append(kept, sum)
	var err error
	for ; len(kept) > keptImages; kept = kept[1:] {
		if !i.used(name, kept[0]) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, kept[0])))
		}
	}
	i.kept[name] = kept
	return err
}

// used reports whether another plugin has the same content.
func (i *images) used(except, sum string) bool {
	for name, sums := range i.kept {
		if name != except && slices.Contains(sums, sum) {
			return true
		}
	}
	return false
}
