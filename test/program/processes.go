package program

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Processes returns the ids of the processes that run a program below a
// directory, by the base name of the program.
func Processes(t testing.TB, dir string) map[string][]int {
	t.Helper()
	found := map[string][]int{}
	note := func(pid int, path string) {
		if strings.HasPrefix(path, dir+string(filepath.Separator)) {
			name := filepath.Base(path)
			found[name] = append(found[name], pid)
		}
	}
	entries, err := os.ReadDir("/proc")
	if errors.Is(err, os.ErrNotExist) { // no Linux
		out, err := exec.Command("ps", "-axo", "pid=,command=").Output()
		if err != nil {
			t.Fatalf("ps: %v", err)
		}
		for line := range strings.Lines(string(out)) {
			if fields := strings.Fields(line); len(fields) > 1 {
				if pid, err := strconv.Atoi(fields[0]); err == nil {
					note(pid, fields[1])
				}
			}
		}
		return found
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// A process that has ended meanwhile, or is not ours, has no link.
		if path, err := os.Readlink(filepath.Join("/proc", entry.Name(), "exe")); err == nil {
			note(pid, path)
		}
	}
	return found
}
