package program

import (
	"bytes"
	"regexp"
	"sync"
)

// output keeps what a program prints. It is safe for concurrent use.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write keeps p.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns everything so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// find returns the first group of an expression in what was printed so far, ""
// if it is not there.
func (o *output) find(expression *regexp.Regexp) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if found := expression.FindSubmatch(o.text.Bytes()); found != nil {
		return string(found[1])
	}
	return ""
}
