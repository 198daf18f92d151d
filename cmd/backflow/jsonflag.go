package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/backflow/backflow/sdk/value"
)

// standardInput is the name of a file that means standard input.
const standardInput = "-"

// maxFlagFile bounds what is read of a file that a flag names, in bytes: more than
// any body that a gateway takes by default.
const maxFlagFile = 64 << 20

// readJSON reads a flag that is JSON, or the name of a file behind an @, or @- for
// standard input. What is not JSON, as a gateway accepts it, is a fault of usage
// with its place; a file that cannot be read is a failure.
func (p *program) readJSON(flag, text string) ([]byte, error) {
	body, where := []byte(text), flag
	if file, named := strings.CutPrefix(text, "@"); named {
		data, err := p.readFile(file)
		if err != nil {
			return nil, failure{fmt.Errorf("%s: %w", flag, err)}
		}
		body, where = data, flag+" "+file
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, fmt.Errorf("%s is empty: it is JSON, @FILE, or @- for standard input", where)
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

// readFile reads a file that a flag names, or standard input.
func (p *program) readFile(name string) ([]byte, error) {
	in := p.stdin
	switch name {
	case "":
		return nil, errors.New("a file's name is missing behind the @")
	case standardInput:
	default:
		f, err := os.Open(name)
		if err != nil {
			return nil, fileError(name, err)
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFlagFile+1))
	switch {
	case err != nil:
		return nil, fileError(name, err)
	case len(data) > maxFlagFile:
		return nil, fmt.Errorf("%s has more than %d MiB", name, maxFlagFile>>20)
	}
	return data, nil
}

// fileError says in plain words why a file cannot be read.
func fileError(name string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no file %s", name)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s may not be read by this user", name)
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s is a folder, not a file", name)
	}
	return fmt.Errorf("%s cannot be read: %w", name, err)
}
