package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// explainStart makes the error of a program that the system refused to start say
// what to do. The system's own words are those of a missing file even where the file
// is there.
func explainStart(path string, err error) error {
	var refused *os.PathError // of fork and exec; its text repeats the path
	if errors.As(err, &refused) {
		err = refused.Err
	}
	info, statErr := os.Stat(path)
	if statErr != nil {
		return fmt.Errorf("start %s: %w", path, err)
	}
	switch {
	case errors.Is(err, syscall.EACCES) && info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("start %s: the file may not be executed: chmod +x %s", path, path)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("start %s: %w: this account may not execute it, or its file system is mounted with noexec", path, err)
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("start %s: %s", path, describeProgram(path, info.Size()))
	}
	return fmt.Errorf("start %s: %w", path, err)
}

// maxFirstLine bounds what is read of the first line of a script, in bytes. Linux
// reads 256 (execve(2)).
const maxFirstLine = 256

// describeProgram says why a file is no program that can be started.
func describeProgram(path string, size int64) string {
	system := runtime.GOOS + "/" + runtime.GOARCH
	if size == 0 {
		return "the file is empty"
	}
	file, err := os.Open(path)
	if err != nil {
		return "the file is no program for " + system
	}
	defer func() { _ = file.Close() }() // nothing was written
	// A shorter file is no error here.
	line, _ := bufio.NewReader(io.LimitReader(file, maxFirstLine)).ReadBytes('\n')
	interpreter, isScript := bytes.CutPrefix(line, []byte("#!"))
	words := strings.Fields(string(interpreter))
	switch {
	case isScript && bytes.HasSuffix(line, []byte("\r\n")):
		return `the lines of the script end as on Windows (CR LF), so that its interpreter is not found: convert it, as with sed -i 's/\r$//'`
	case isScript && len(words) > 0:
		return fmt.Sprintf("the interpreter that its first line names, %q, is not there", words[0])
	case bytes.HasPrefix(line, []byte("\x7fELF")), bytes.HasPrefix(line, []byte("MZ")), bytes.HasPrefix(line, []byte("\xcf\xfa\xed\xfe")):
		return "the file is no program for " + system + ": it was built for another system, is cut off, or its loader is not there"
	case bytes.HasPrefix(line, []byte("\x00asm")):
		return "the file is a WASM module: name it NAME.wasm"
	case isText(line):
		return "the file is no program for " + system + ": a script begins with a line such as #!/bin/sh"
	}
	return "the file is no program for " + system
}

// isText reports whether a line holds nothing but text.
func isText(line []byte) bool {
	return bytes.IndexFunc(line, func(c rune) bool { return c == '\uFFFD' || (c < ' ' && c != '\t' && c != '\r' && c != '\n') }) < 0
}

// maxPrinted bounds what is quoted of a wrong handshake, in bytes.
const maxPrinted = 100

// checkHandshake returns an error if the first line that a plugin wrote to standard
// output is something else than a handshake, which has up to seven parts of which
// the first is a number.
func checkHandshake(line string) error {
	text := strings.TrimRight(line, "\r\n")
	if text == "" || (strings.Count(text, "|") >= 4 && text[0] >= '0' && text[0] <= '9') {
		return nil
	}
	if len(text) > maxPrinted {
		text = text[:maxPrinted] + "…"
	}
	return fmt.Errorf("the plugin wrote %q to standard output, which is for the handshake alone: "+
		"print to standard error, and nothing before the plugin is served", text)
}
