package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

var errEnded = errors.New("the process has ended")

// memory returns the resident memory in bytes, see proc_pid_statm(5). The system
// does not limit it: RLIMIT_AS bounds addresses, of which a Go program reserves far
// more than it uses.
func (c *child) memory() (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running {
		return 0, errEnded // the id may be another's
	}
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm holds %q", statm)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
