// Package terminal writes what commands show: tables and text for people, JSON
// for programs. The package imports core/excerpt.
package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/backflow/backflow/core/excerpt"
)

// Is reports whether people read what is written.
func Is(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// NewTable returns a writer that aligns columns, which tabs separate. It writes
// when it is flushed.
func NewTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0) }

// maxBrief bounds the text of Brief, in letters.
const maxBrief = 100

// Brief returns JSON on one line, cut where it is long; "" for what is not JSON.
func Brief(data json.RawMessage) string {
	var line bytes.Buffer
	if json.Compact(&line, data) != nil {
		return ""
	}
	return excerpt.Runes(Printable(line.String()), maxBrief)
}

// Printable returns text that moves nothing in a terminal: text from outside may
// hold anything.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// WriteJSON writes JSON, indented.
func WriteJSON(w io.Writer, data json.RawMessage) error {
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, pretty.String())
	return err
}

// WriteValue writes a value as JSON, indented.
func WriteValue(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return WriteJSON(w, data)
}

// WriteLine writes JSON as one line.
func WriteLine(w io.Writer, data json.RawMessage) error {
	var line bytes.Buffer
	if err := json.Compact(&line, data); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := w.Write(line.Bytes())
	return err
}
