package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/backflow/backflow/core/value"
)

// readJSON reads a flag that is JSON, or the name of a file behind an @. What is
// not JSON, as a gateway accepts it, is a fault of usage with its place; a file
// that cannot be read is a failure.
func readJSON(flag, text string) ([]byte, error) {
	body, where := []byte(text), flag
	if file, named := strings.CutPrefix(text, "@"); named {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, failure{fmt.Errorf("%s: %w", flag, err)}
		}
		body, where = data, flag+" "+file
	}
	err := value.Check(body)
	if syntax, ok := errors.AsType[*value.SyntaxError](err); ok {
		before := body[:min(syntax.Offset, len(body))]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := len(before) - bytes.LastIndexByte(before, '\n') // LastIndexByte is -1 in the first line
		return nil, fmt.Errorf("%s:%d:%d: not JSON: %s", where, line, column, syntax.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return body, nil
}
