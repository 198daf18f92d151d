package output

import (
	"strings"
	"sync"
)

// tailSize is how much of a plugin's last output is kept, in bytes.
const tailSize = 64 << 10

// Tail keeps the last tailSize bytes that were written to it. It is safe for
// concurrent use.
type Tail struct {
	mu   sync.Mutex // guards kept
	kept []byte
}

// Write adds output.
func (t *Tail) Write(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Up to twice the size is kept, so that not every write moves everything.
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*tailSize {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-tailSize:]...)
	}
}

// String returns what is kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.kept
	if len(kept) > tailSize {
		kept = kept[len(kept)-tailSize:]
	}
	return strings.ToValidUTF8(string(kept), "\uFFFD")
}
