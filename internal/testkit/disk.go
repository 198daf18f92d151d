package testkit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// SmallDisk makes a directory a file system of its own, of so many MiB, until the test
// ends. Where none can be mounted, the test is skipped, see Missing.
func SmallDisk(t testing.TB, dir string, mebibytes int) {
	t.Helper()
	if err := Mount(dir, mebibytes); err != nil {
		Missing(t, err.Error())
	}
	t.Cleanup(func() {
		if err := Unmount(dir); err != nil {
			t.Error(err)
		}
	})
}

// Mount makes a directory a file system in memory, of so many MiB.
func Mount(dir string, mebibytes int) error {
	output, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mebibytes), "tmpfs", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("a small disk cannot be mounted: %w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}

// Unmount ends what Mount did, and with it all files.
func Unmount(dir string) error {
	if output, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("umount: %w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}

// FillDisk takes what is left of the file system of a directory, but for so many KiB. It
// is an error if that is no small disk.
func FillDisk(dir string, left int) error {
	file, err := os.Create(filler(dir))
	if err != nil {
		return err
	}
	size, block := int64(0), bytes.Repeat([]byte("full"), 1<<10)
	for err == nil && size < 1<<30 {
		var n int
		n, err = file.Write(block)
		size += int64(n)
	}
	switch {
	case err == nil:
		err = errors.Join(errors.New("the disk has more than a GiB"), os.Remove(file.Name()))
	case errors.Is(err, syscall.ENOSPC):
		err = file.Truncate(max(0, size-int64(left)<<10))
	}
	return errors.Join(err, file.Close())
}

// FreeDisk gives back what FillDisk took.
func FreeDisk(dir string) error { return os.Remove(filler(dir)) }

func filler(dir string) string { return filepath.Join(dir, "filler") }
