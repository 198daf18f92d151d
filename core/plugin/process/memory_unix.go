//go:build unix && !linux

package process

import "errors"

// memory returns an error: there is no /proc here.
func (c *child) memory() (int64, error) {
	return 0, errors.New("the memory of a process cannot be measured on this system")
}
