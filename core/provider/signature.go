package provider

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- some senders sign with HMAC-SHA1, which is not broken
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strings"
)

// algorithm is the hash function of an HMAC (RFC 2104).
type algorithm string

// The algorithms that senders use.
const (
	hmacSHA1   algorithm = "sha1"
	hmacSHA256 algorithm = "sha256"
	hmacSHA512 algorithm = "sha512"
)

// mac returns the HMAC of what the parts are together.
func (a algorithm) mac(key []byte, content ...[]byte) []byte {
	var newHash func() hash.Hash
	switch a {
	case hmacSHA1:
		newHash = sha1.New
	case hmacSHA512:
		newHash = sha512.New
	default:
		newHash = sha256.New
	}
	h := hmac.New(newHash, key)
	for _, part := range content {
		_, _ = h.Write(part) // a hash takes everything
	}
	return h.Sum(nil)
}

// encoding is how bytes are written in a header.
type encoding string

// The encodings that senders use.
const (
	inHex    encoding = "hex"
	inBase64 encoding = "base64"
)

func (e encoding) encode(data []byte) string {
	if e == inBase64 {
		return base64.StdEncoding.EncodeToString(data)
	}
	return hex.EncodeToString(data)
}

// decode takes hexadecimal digits of either case, and base64 (RFC 4648 section 4)
// with or without padding.
func (e encoding) decode(text string) ([]byte, error) {
	if e == inBase64 {
		return base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
	}
	return hex.DecodeString(text)
}

// maxSignatures bounds the signatures of a request that are compared: a header may
// hold several while its sender changes the secret.
const maxSignatures = 16

// signatures returns those in the header of a name, decoded: its values may hold
// several, between spaces, commas or semicolons, and those that begin with the prefix
// count. What cannot be decoded is no signature. An error is a refusal.
func (r *request) signatures(header, prefix string, e encoding) ([][]byte, error) {
	words := r.words(header, prefix)
	if words == nil {
		return nil, refuse("the header %s is missing, which has the signature", header)
	}
	var found [][]byte
	for _, word := range words {
		text, ok := strings.CutPrefix(word, prefix)
		if !ok {
			continue
		}
		if signature, err := e.decode(text); err == nil && len(signature) > 0 && len(found) < maxSignatures {
			found = append(found, signature)
		}
	}
	if len(found) == 0 {
		wanted := string(e)
		if prefix != "" {
			wanted = "what begins with " + prefix + " and goes on in " + wanted
		}
		return nil, refuse("the header %s holds no signature: expected is %s", header, wanted)
	}
	return found, nil
}

// anyMAC reports whether one of the signatures is the HMAC of the content with one of
// the keys. It takes the same time whichever matches.
func anyMAC(a algorithm, keys, signatures [][]byte, content ...[]byte) bool {
	matches := false
	for _, key := range keys {
		expected := a.mac(key, content...)
		for _, signature := range signatures {
			matches = hmac.Equal(expected, signature) || matches
		}
	}
	return matches
}

// anyEd25519 reports whether one of the signatures is that of the content by the
// private key of one of the public ones (RFC 8032).
func anyEd25519(keys []ed25519.PublicKey, signatures [][]byte, content []byte) bool {
	for _, key := range keys {
		for _, signature := range signatures {
			if len(signature) == ed25519.SignatureSize && ed25519.Verify(key, content, signature) {
				return true // nothing of this is secret
			}
		}
	}
	return false
}

// equal compares a text with what it has to be, in a time that does not depend on
// where they differ.
func equal(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return hmac.Equal(a[:], b[:])
}

// rawKeys are secrets whose text is the key.
func rawKeys(secrets []string) [][]byte {
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		keys[i] = []byte(secret)
	}
	return keys
}
