// Package random makes the random part of ids and secrets as Stripe's are: letters and
// digits.
//
// The package imports nothing of the project.
package random

import "crypto/rand"

// Alphabet is what a text is made of.
const Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Text returns a new random text of a length in bytes, from crypto/rand. It is safe for concurrent use.
func Text(length int) string {
	raw := make([]byte, length)
	rand.Read(raw) // never fails (crypto/rand, since Go 1.24)
	for i, b := range raw {
		raw[i] = Alphabet[int(b)%len(Alphabet)]
	}
	return string(raw)
}
