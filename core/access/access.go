// Package access defines how an API token is identified (by its SHA-256 hash) and
// what it may do (its scopes).
//
// It is a package of its own so that core/config and core/gateway read scopes in
// the same way. The package imports sdk/excerpt and sdk/suggest. It does not
// know where tokens are kept, nor how a request carries one.
package access

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// SyntaxError reports text that is neither a hash nor a scope. It never holds a
// hash.
type SyntaxError struct {
	// Message says what is wrong.
	Message string
	// Hint says what to write instead; it may be empty.
	Hint string
}

// Error gives message and hint.
func (e *SyntaxError) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// hashPrefix names the algorithm of a stored hash.
const hashPrefix = "sha256:"

// Hash is the SHA-256 of a token. Tokens are random and long, so a plain hash is
// enough: there is nothing to guess.
type Hash [sha256.Size]byte

// HashOf returns the hash of a token.
func HashOf(token string) Hash { return sha256.Sum256([]byte(token)) }

// ParseHash reads what String writes, the digits in either case. The error is
// a *SyntaxError.
func ParseHash(text string) (Hash, error) {
	digits, ok := strings.CutPrefix(text, hashPrefix)
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil || len(sum) != sha256.Size {
		return Hash{}, &SyntaxError{
			Message: "not a hash: sha256: and the 64 hex digits of the token's SHA-256",
			Hint:    "`backflow token new` makes a token and prints its hash",
		}
	}
	return Hash(sum), nil
}

// String writes the hash as the config has it: "sha256:" and 64 hex digits.
func (h Hash) String() string { return hashPrefix + hex.EncodeToString(h[:]) }
