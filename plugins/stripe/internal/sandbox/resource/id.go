package resource

import (
	"crypto/rand"
	"fmt"
)

// NewID returns a new id of a type, with Stripe's prefix.
func (t *Tx) NewID(kind string) string {
	prefix, ok := t.env.Module.Prefixes[kind]
	if !ok {
		t.fail(fmt.Errorf("sandbox: ids of %q have no prefix", kind))
	}
	return prefix + "_" + Random(24)
}

// Random returns random letters and digits.
func Random(length int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	raw := make([]byte, length)
	rand.Read(raw) // never fails (crypto/rand, since Go 1.24)
	for i, b := range raw {
		raw[i] = alphabet[int(b)%len(alphabet)]
	}
	return string(raw)
}
