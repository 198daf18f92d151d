package telemetry

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Redacted stands where a secret was.
const Redacted = "***"

// MinSecretLen is the length of the shortest secret that is looked for, in
// bytes. A shorter one is found by chance in ordinary words: replacing it would
// ruin every text, and show by the holes what it is.
const MinSecretLen = 4

// Redactor replaces known secrets in texts. The zero value and nil know none.
// All methods are safe for concurrent use.
//
// Secrets are found as they are, and as JSON, Go, URLs and Basic authentication
// write them. It is the last line of defence: code that holds a secret does not
// print it in the first place.
type Redactor struct {
	mu       sync.Mutex // guards patterns
	patterns []string

	replacer atomic.Pointer[strings.Replacer]
}

// Add makes secrets known, for as long as the Redactor lives: after a reload of
// the config, what is under way may still speak of an old one. Empty strings
// and those shorter than MinSecretLen are ignored.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		if len(s) >= MinSecretLen {
			r.patterns = append(r.patterns, spellings(s)...)
		}
	}
	// The replacer takes the first pattern that matches at a place: of two
	// secrets, one the beginning of the other, the longer must come first.
	slices.SortFunc(r.patterns, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	r.patterns = slices.Compact(r.patterns)
	pairs := make([]string, 0, 2*len(r.patterns))
	for _, p := range r.patterns {
		pairs = append(pairs, p, Redacted)
	}
	r.replacer.Store(strings.NewReplacer(pairs...))
}

// spellings are the ways in which a secret may stand in a text.
func spellings(s string) []string {
	quoted := strconv.Quote(s)
	all := []string{
		s,
		quoted[1 : len(quoted)-1],
		url.QueryEscape(s),
		url.PathEscape(s),
		base64.StdEncoding.EncodeToString([]byte(s)),
		base64.StdEncoding.EncodeToString([]byte(s + ":")), // a user name with an empty password
	}
	if b, err := json.Marshal(s); err == nil { // with <, > and & escaped; a string always marshals
		all = append(all, string(b[1:len(b)-1]))
	}
	return all
}

// String returns s without the secrets.
func (r *Redactor) String(s string) string {
	if r == nil {
		return s
	}
	if replacer := r.replacer.Load(); replacer != nil {
		return replacer.Replace(s)
	}
	return s
}

// JSON returns a JSON document without the secrets, or nil if it is not valid
// without them.
func (r *Redactor) JSON(doc json.RawMessage) json.RawMessage {
	clean := r.String(string(doc))
	if clean == string(doc) {
		return doc
	}
	if !json.Valid([]byte(clean)) {
		return nil
	}
	return json.RawMessage(clean)
}

// Writer returns a writer that writes to w without the secrets. A secret that
// is spread over two writes is not found: it is for writers of whole lines, as
// handlers of log/slog are.
func (r *Redactor) Writer(w io.Writer) io.Writer { return redactingWriter{r, w} }

type redactingWriter struct {
	redactor *Redactor
	w        io.Writer
}

// Write returns len(p) when all of the redacted text was written.
func (w redactingWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.w, w.redactor.String(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
