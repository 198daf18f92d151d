package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticks is USER_HZ, in which Linux counts processor time (proc(5)); it is 100
// on every architecture that Go runs on.
const ticks = 100

// usage is what a process and its children use: a gateway's plugins are its
// children.
type usage struct {
	cpu      map[int]time.Duration // since each process began, by process id
	resident map[int]int64         // bytes, by process id
}

// since returns how much processor time the process itself has used since an earlier
// usage, and how much its children.
func (u usage) since(before usage, pid int) (own, children time.Duration) {
	for p, used := range u.cpu {
		used -= before.cpu[p]
		if p == pid {
			own += used
		} else {
			children += used
		}
	}
	return own, children
}

// usageOf reads the usage from /proc; on a system without it the error says so.
func usageOf(pid int) (usage, error) {
	u := usage{cpu: map[int]time.Duration{}, resident: map[int]int64{}}
	pids := []int{pid}
	children, err := childrenOf(pid)
	if err != nil {
		return u, err
	}
	for _, p := range append(pids, children...) {
		fields, err := stat(p)
		if err != nil {
			return u, err
		}
		// Fields 14, 15 and 24 of proc(5), counted from the third.
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		pages, err := strconv.ParseInt(fields[21], 10, 64)
		if err != nil {
			return u, fmt.Errorf("/proc/%d/stat: %w", p, err)
		}
		u.cpu[p] = time.Duration(user+system) * time.Second / ticks
		u.resident[p] = pages * int64(os.Getpagesize())
	}
	return u, nil
}

// stat returns the fields of /proc/PID/stat from the third on: the second, the
// program's name, may hold anything.
func stat(pid int) ([]string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("usage of processes is read from /proc: %w", err)
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 22 {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields, nil
}

func childrenOf(parent int) ([]int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		fields, err := stat(pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		if fields[1] == strconv.Itoa(parent) {
			children = append(children, pid)
		}
	}
	return children, nil
}

// nameOf is the name of a process's program.
func nameOf(pid int) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return strconv.Itoa(pid)
	}
	return filepath.Base(path)
}
