package provider

import "github.com/backflow/backflow/sdk"

// UnreadableError is returned with a page of a list of events some of whose items are no
// events: the page has the others, and the way to the next one.
type UnreadableError struct {
	// Err names the first of the items, and what is wrong with it.
	Err *sdk.Error
}

// Error returns what is wrong with the first of the items.
func (e *UnreadableError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *UnreadableError) Unwrap() error { return e.Err }
