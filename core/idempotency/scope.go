package idempotency

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk/digest"
)

// Scope is where a key is valid: the same key of another caller, method or path
// is another key.
type Scope struct {
	// Caller is the sender: a token's name, or a JWT's issuer and subject. It
	// must tell apart callers of different kinds.
	Caller string
	Method string
	// Path is escaped in one way, however the request came.
	Path string
	// Key is what ParseKey returned, never empty.
	Key string
}

// recordID is the id of the scope's record. It is a hash, so that a store's
// listing shows no key, and its length is bounded whatever the path. The first
// part of what is hashed keeps the uses of digests apart.
func (s Scope) recordID() string {
	return digest.Hex("record", s.Caller, s.Method, s.Path, s.Key)
}

// upstreamKey is the key for the integration. It differs from every other
// record's, and the same for every process that knows scope and record.
func (s Scope) upstreamKey(id string) string {
	return digest.Hex("upstream", s.Caller, s.Method, s.Path, s.Key, id)
}

// Fingerprint tells requests apart that came with the same key.
type Fingerprint [sha256.Size]byte

// MarshalText writes a fingerprint as hex.
func (f Fingerprint) MarshalText() ([]byte, error) {
	return []byte(hex.EncodeToString(f[:])), nil
}

// UnmarshalText reads what MarshalText wrote, and nothing else.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(f)) {
		return errors.New("idempotency: a fingerprint of the wrong length")
	}
	_, err := hex.Decode(f[:], text)
	return err
}

// FingerprintOf is the fingerprint of a request: method, path as in Scope, query
// and raw body. The order of query names does not count, the
// order of one name's values does. Names in ignore are left out: those that
// change how the response is delivered, not what happens.
func FingerprintOf(method, path, rawQuery string, body []byte, ignore ...string) Fingerprint {
	parts := append([]string{"request", method, path}, queryParts(rawQuery, ignore)...)
	return Fingerprint(digest.Of(append(parts, string(body))...))
}

// queryParts lists the pairs of a query sorted by name, as name and value in
// turn. What cannot be unescaped counts as it came, so that no two different
// queries become equal by being wrong.
func queryParts(rawQuery string, ignore []string) []string {
	type pair struct{ name, value string }
	var pairs []pair
	for piece := range strings.SplitSeq(rawQuery, "&") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		p := pair{unescape(name), unescape(value)}
		if !slices.Contains(ignore, p.name) {
			pairs = append(pairs, p)
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	parts := make([]string, 0, 2*len(pairs))
	for _, p := range pairs {
		parts = append(parts, p.name, p.value)
	}
	return parts
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}
