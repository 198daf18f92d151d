//go:build unix && !linux

package process

import "errors"

// memory cannot be told here: there is no /proc.
func (c *child) memory() (int64, error) {
	return 0, errors.New("the memory of a process cannot be measured on this system")
}
