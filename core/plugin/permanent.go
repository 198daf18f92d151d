package plugin

import "errors"

// Permanent marks the error of a start that would fail again with the same file
// and config. The start is repeated when one of them changes, or after a long
// wait.
func Permanent(err error) error { return &permanentError{err} }

// permanentError is what Permanent returns.
type permanentError struct{ cause error }

// Error returns the cause's text.
func (e *permanentError) Error() string { return e.cause.Error() }

// Unwrap returns the cause.
func (e *permanentError) Unwrap() error { return e.cause }

func isPermanent(err error) bool {
	var permanent *permanentError
	return errors.As(err, &permanent)
}
