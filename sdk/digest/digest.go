// Package digest tells apart what was asked for, such as the params under an
// idempotency key. The package imports nothing of the project.
package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Of returns SHA-256 over the parts, each behind its length, so that no two
// lists of parts are the same bytes. What it returns for a list never changes:
// it may be stored.
func Of(parts ...string) [sha256.Size]byte {
	hash := sha256.New()
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// Hex is Of in hexadecimal.
func Hex(parts ...string) string {
	sum := Of(parts...)
	return hex.EncodeToString(sum[:])
}
