package terminal

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/backflow/backflow/core/visible"
)

// WriteJSON writes JSON, indented. Characters that would not be seen are escaped:
// it is equal as JSON.
func WriteJSON(w io.Writer, data json.RawMessage) error {
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		return err
	}
	_, err := io.WriteString(w, visible.JSON(pretty.String())+"\n")
	return err
}

// WriteLine writes JSON as one line, escaped as WriteJSON does.
func WriteLine(w io.Writer, data json.RawMessage) error {
	line, err := compact(data)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, line+"\n")
	return err
}

// compact returns JSON on one line.
func compact(data json.RawMessage) (string, error) {
	var line bytes.Buffer
	if err := json.Compact(&line, data); err != nil {
		return "", err
	}
	return visible.JSON(line.String()), nil
}
