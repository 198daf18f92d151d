package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk/excerpt"
)

// maxFaults bounds what a user has to read, and what a hostile file can grow.
const maxFaults = 100

// Fault is one thing that is wrong with a config, and where. It never holds a
// secret.
type Fault struct {
	Pos     Pos
	Message string
	// Hint says what to do about it; it may be empty.
	Hint string
}

// String returns "file:line:col: message (hint)".
func (f Fault) String() string {
	var b strings.Builder
	if f.Pos.File != "" {
		b.WriteString(f.Pos.String())
		b.WriteString(": ")
	}
	b.WriteString(f.Message)
	if f.Hint != "" {
		b.WriteString(" (")
		b.WriteString(f.Hint)
		b.WriteByte(')')
	}
	return b.String()
}

// Faults is everything that is wrong with a config. As an error it reads as
// one line for each fault.
type Faults []Fault

// Error returns one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// Warnings returns one line for each fault, as that of a warning.
func (f Faults) Warnings() []string {
	lines := make([]string, len(f))
	for i, fault := range f {
		pos := ""
		if fault.Pos.File != "" {
			pos = fault.Pos.String() + ": "
		}
		fault.Pos = Pos{}
		lines[i] = pos + "warning: " + fault.String()
	}
	return lines
}

// Sort orders faults by file, line and column, so that they read like the file;
// those without a file come last.
func (f Faults) Sort() {
	slices.SortStableFunc(f, func(a, b Fault) int {
		if a.Pos.File == "" || b.Pos.File == "" {
			return cmp.Compare(b.Pos.File, a.Pos.File)
		}
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
}

// JSON returns the faults for editors and CI: an array of objects with file,
// line, column (both 0 where the fault is of the whole file), message, where there is
// one, hint, and the severity: "error", or "warning" for the warnings, which come behind
// the faults.
func (f Faults) JSON(warnings Faults) []byte {
	type entry struct {
		File     string `json:"file"`
		Line     int    `json:"line"`
		Column   int    `json:"column"`
		Message  string `json:"message"`
		Hint     string `json:"hint,omitempty"`
		Severity string `json:"severity"`
	}
	entries := make([]entry, 0, len(f)+len(warnings))
	for _, fault := range f {
		entries = append(entries, entry{fault.Pos.File, fault.Pos.Line, fault.Pos.Col, fault.Message, fault.Hint, "error"})
	}
	for _, fault := range warnings {
		entries = append(entries, entry{fault.Pos.File, fault.Pos.Line, fault.Pos.Col, fault.Message, fault.Hint, "warning"})
	}
	// Strings and integers cannot fail to encode.
	out, _ := json.MarshalIndent(entries, "", "  ")
	return append(out, '\n')
}

// collector gathers faults up to a bound.
type collector struct {
	faults  Faults
	dropped int
}

func (c *collector) add(pos Pos, hint, format string, args ...any) {
	if len(c.faults) == maxFaults {
		c.dropped++
		return
	}
	c.faults = append(c.faults, Fault{Pos: pos, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// err returns the faults in order, or nil.
func (c *collector) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	c.faults.Sort()
	if c.dropped > 0 {
		c.faults = append(c.faults, Fault{Message: fmt.Sprintf("%d more faults are not shown", c.dropped)})
	}
	return c.faults
}

// clip keeps a message readable whatever the file holds.
func clip(s string) string {
	const most = 80
	return excerpt.Runes(s, most)
}
