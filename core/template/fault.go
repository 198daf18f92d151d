package template

import (
	"errors"
	"fmt"
	"strings"
)

// Fault is one thing that is wrong in the source of a template or condition.
type Fault struct {
	// Pointer is the JSON Pointer (RFC 6901) of the string, or of the object
	// with the key, that holds the fault, within the compiled value.
	Pointer string
	// Offset is where the fault lies in that string, in bytes.
	Offset int
	// Message says what is wrong.
	Message string
	// Hint says what to write instead; it may be empty.
	Hint string
}

// Error gives message, place and hint in one line.
func (f Fault) Error() string {
	var b strings.Builder
	if f.Pointer != "" {
		b.WriteString(f.Pointer + ": ")
	}
	fmt.Fprintf(&b, "at byte %d: %s", f.Offset, f.Message)
	if f.Hint != "" {
		b.WriteString(" (" + f.Hint + ")")
	}
	return b.String()
}

// Faults are all that is wrong in one source, in its order. As an error it is
// never empty.
type Faults []Fault

// Error gives one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// MissingError says that a path leads nowhere in the data at hand.
type MissingError struct {
	// Path is the whole path asked for, such as steps.create-customer.result.id.
	Path string
	// Reason says which segment is not there: `steps has no "create-customer"`.
	Reason string
	// Pointer is the JSON Pointer of the field in the template that asked.
	Pointer string
}

// Error names the path and the segment that is missing.
func (e *MissingError) Error() string {
	s := e.Path + " is missing: " + e.Reason
	if e.Pointer != "" {
		s = e.Pointer + ": " + s
	}
	return s
}

// ErrTooLarge says that a rendered template exceeds its size limit.
var ErrTooLarge = errors.New("template: the result is too large")
