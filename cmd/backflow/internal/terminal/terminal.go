// Package terminal writes what commands show: tables and text for people, JSON and
// YAML for programs. Nothing of it moves the cursor, or hides or reorders what is
// beside it, whatever the data hold. The package imports core/visible and sdk/excerpt.
package terminal

import (
	"encoding/json"
	"io"
	"text/tabwriter"

	"github.com/backflow/backflow/core/visible"
	"github.com/backflow/backflow/sdk/excerpt"
)

// NewTable returns a writer that aligns columns, which tabs separate. It writes
// when it is flushed.
func NewTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0) }

// maxBrief bounds the text of Brief, in letters.
const maxBrief = 100

// Brief returns JSON on one line, cut where it is long; "" for what is not JSON.
func Brief(data json.RawMessage) string {
	line, err := compact(data)
	if err != nil {
		return ""
	}
	return excerpt.Runes(line, maxBrief)
}

// Printable returns a text from outside as it is shown in a line or a cell of a
// table.
func Printable(text string) string { return visible.Line(text) }
