//go:build !failpoint

package gateway

// failpoint marks an instant at which tests end the program: with the build tag
// failpoint, it does so where BACKFLOW_FAILPOINT names it. A random kill seldom
// meets one of these instants, and each of them has its own way to lose a request
// or to execute it twice. Without the tag,
// which no release is built with, this is nothing at all: neither code nor a
// variable that an operator could set by mistake.
func failpoint(string) {}
