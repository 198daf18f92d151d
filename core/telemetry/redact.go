package telemetry

import (
	"encoding/json"
	"io"
	"slices"
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

// The secrets that are looked for in results of actions, which are data and must
// not change by chance, have minResultSecretLen bytes, or minMixedResultSecretLen
// if they hold a letter and a sign, as words, numbers and names of users do not.
const (
	minResultSecretLen      = 12
	minMixedResultSecretLen = 6
)

// Redactor replaces known secrets in texts. The zero value and nil know none.
// All methods are safe for concurrent use.
//
// Secrets are found as they are, and as JSON, Go, URLs, HTML, base64 and
// hexadecimal digits write them, also one in another. It is the last line of
// defence: code that holds a secret does not print it in the first place.
type Redactor struct {
	mu    sync.Mutex // guards writes to known
	known atomic.Pointer[knownSecrets]
}

// knownSecrets are looked for in texts of all sorts, and those that are distinct
// in results of actions.
type knownSecrets struct{ all, distinct secretSet }

// Add makes secrets known, for as long as the Redactor lives: after a reload of
// the config, what is under way may still speak of an old one. Empty strings
// and those shorter than MinSecretLen are ignored.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all, distinct []secret
	if known := r.known.Load(); known != nil {
		all = slices.Clone(known.all.secrets)
	}
	for _, text := range secrets {
		if len(text) >= MinSecretLen {
			all = append(all, newSecret(text))
		}
	}
	slices.SortFunc(all, func(a, b secret) int { return strings.Compare(a.text, b.text) })
	all = slices.CompactFunc(all, secret.is)
	for _, s := range all {
		if s.isDistinct() {
			distinct = append(distinct, s)
		}
	}
	r.known.Store(&knownSecrets{newSecretSet(all), newSecretSet(distinct)})
}

// String returns s without the secrets.
func (r *Redactor) String(s string) string { return r.Sparing().String(s) }

// JSON returns a JSON document without the secrets. See [Redaction.JSON].
func (r *Redactor) JSON(doc json.RawMessage) json.RawMessage { return r.Sparing().JSON(doc) }

// Writer returns a writer that writes to w without the secrets. A secret that
// is spread over two writes is not found: it is for writers of whole lines, as
// handlers of log/slog are.
func (r *Redactor) Writer(w io.Writer) io.Writer { return redactingWriter{r, w} }

// bytes returns a text without the secrets: the text itself where it holds none.
func (r *Redactor) bytes(text []byte) []byte {
	if known := r.load(); known == nil || known.all.clean(text) {
		return text
	}
	return []byte(r.String(string(text)))
}

type redactingWriter struct {
	redactor *Redactor
	w        io.Writer
}

// Write returns len(p) when all of the redacted text was written.
func (w redactingWriter) Write(p []byte) (int, error) {
	if _, err := w.w.Write(w.redactor.bytes(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Redaction is a Redactor for texts that may repeat what a caller wrote. Those
// secrets that the caller wrote are left as they are: the caller has them already,
// and a hole in the caller's own words would confirm a guess.
type Redaction struct {
	redactor *Redactor
	own      [][]byte
}

// Sparing returns the redaction of texts that may repeat what is in own, for
// example the params of a call as JSON.
func (r *Redactor) Sparing(own ...[]byte) Redaction { return Redaction{r, own} }

// String returns s without the secrets.
func (r Redaction) String(s string) string {
	known := r.redactor.load()
	if known == nil {
		return s
	}
	return replace(s, r.foreign(known.all.search(s)))
}

// JSON returns a JSON document without the secrets: strings are decoded, and
// those that hold one are replaced. Everything else stays as it is written. A
// document that is no JSON is treated as a text.
func (r Redaction) JSON(doc json.RawMessage) json.RawMessage {
	known := r.redactor.load()
	if known == nil {
		return doc
	}
	return replaceJSON(doc, r.foreign(known.all.search(string(doc))))
}

// Result returns the result of an action without the secrets. isJSON says whether
// it is a JSON document. Short secrets that could be a word or a number are not
// looked for: a result is data.
func (r Redaction) Result(body []byte, isJSON bool) []byte {
	known := r.redactor.load()
	if known == nil {
		return body
	}
	if known.distinct.clean(body) {
		return body
	}
	found := r.foreign(known.distinct.search(string(body)))
	switch {
	case len(found) == 0:
		return body
	case isJSON:
		return replaceJSON(body, found)
	default:
		return []byte(replace(string(body), found))
	}
}

// load returns the known secrets, nil without any.
func (r *Redactor) load() *knownSecrets {
	if r == nil {
		return nil
	}
	return r.known.Load()
}

// foreign returns those of the secrets that the caller did not write. It changes
// found.
func (r Redaction) foreign(found []secret) []secret {
	if len(found) == 0 {
		return nil
	}
	known := newSecretSet(slices.Clone(found))
	for _, own := range r.own {
		for _, written := range known.search(string(own)) {
			found = slices.DeleteFunc(found, written.is)
		}
	}
	return found
}
