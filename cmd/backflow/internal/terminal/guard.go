package terminal

import (
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/backflow/backflow/core/visible"
)

// Guarded is a writer that lets nothing through that a terminal would obey: the last
// net for texts that nobody made Printable. It remembers whether a write has
// failed. It is safe for concurrent use.
type Guarded struct {
	w io.Writer

	mu   sync.Mutex // guards what follows, and writing to w
	held []byte     // the beginning of a character whose other bytes are still to come
	err  error      // of the first write that failed
}

// Guard returns a writer over another; w itself if it is one.
func Guard(w io.Writer) *Guarded {
	if g, ok := w.(*Guarded); ok {
		return g
	}
	return &Guarded{w: w}
}

// Write returns len(p) when all of it was written, or is held until its last
// character is complete.
func (g *Guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	text := string(g.held) + string(p)
	whole := len(text) - incomplete(text)
	if g.held = nil; whole < len(text) {
		g.held = []byte(text[whole:])
	}
	if err := g.pass(visible.Text(text[:whole])); err != nil {
		return 0, err
	}
	return len(p), nil
}

// pass writes a text as it is. The caller holds the lock.
func (g *Guarded) pass(text string) error {
	_, err := io.WriteString(g.w, text)
	if err != nil && g.err == nil {
		g.err = err
	}
	return err
}

// Err returns the error of the first write that failed; nil if none did.
func (g *Guarded) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// incomplete returns how many bytes at the end of a text begin a character whose
// other bytes are still to come.
func incomplete(text string) int {
	for n := 1; n <= 3 && n <= len(text); n++ {
		b, size := text[len(text)-n], 1
		switch {
		case b >= 0xf0:
			size = 4
		case b >= 0xe0:
			size = 3
		case b >= 0xc0:
			size = 2
		case b >= 0x80:
			continue // inside a character
		}
		if size > n {
			return n
		}
		return 0
	}
	return 0
}

// Color is a sequence that colours what follows (ECMA-48, select graphic
// rendition).
type Color string

// The colours.
const (
	Red    Color = "\x1b[31m"
	Green  Color = "\x1b[32m"
	Yellow Color = "\x1b[33m"
	Faint  Color = "\x1b[2m"

	normal = "\x1b[0m"
)

// Paint writes a text in a colour; "" is the terminal's own.
func Paint(w io.Writer, color Color, text string) error {
	g := Guard(w)
	if color == "" {
		_, err := g.Write([]byte(text))
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pass(string(color) + visible.Text(text) + normal)
}

// Is reports whether people read what is written.
func Is(w io.Writer) bool {
	_, is := size(w)
	return is
}

// Columns of a terminal that does not say how many it has, and the fewest that
// lines are made for.
const (
	defaultWidth = 80
	minWidth     = 20
)

// Width returns how many columns the terminal has now, at least minWidth; 0 where
// w is no terminal.
func Width(w io.Writer) int {
	columns, is := size(w)
	switch {
	case !is:
		return 0
	case columns == 0:
		return defaultWidth
	}
	return max(columns, minWidth)
}

// size asks the terminal that w writes to for its columns.
func size(w io.Writer) (columns int, isTerminal bool) {
	if g, ok := w.(*Guarded); ok {
		w = g.w
	}
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	found, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(found.Col), true
}
