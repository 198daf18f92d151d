package destination

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// How secrets and keys are written (Standard Webhooks, "Signature scheme").
const (
	secretPrefix  = "whsec_"
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"
)

// The sizes of a secret that Standard Webhooks names: 192 to 512 bits.
const (
	minSecretBytes = 24
	maxSecretBytes = 64
)

// parseSecret reads a symmetric secret: base64, with or without its prefix, as the
// libraries of Standard Webhooks read it. Errors do not quote it.
func parseSecret(text string) ([]byte, error) {
	if strings.HasPrefix(text, privatePrefix) || strings.HasPrefix(text, publicPrefix) {
		return nil, errors.New("it is an ed25519 key: that is given as key")
	}
	secret, err := decodeBase64(strings.TrimPrefix(text, secretPrefix))
	if err != nil || len(secret) == 0 {
		return nil, errors.New("a secret is whsec_ and base64, as Standard Webhooks has it")
	}
	return secret, nil
}

// parseKey reads an ed25519 private key: its seed of 32 bytes, or seed and public key,
// in base64.
func parseKey(text string) (ed25519.PrivateKey, error) {
	if strings.HasPrefix(text, publicPrefix) {
		return nil, errors.New("it is a public key: signing takes the private one, whsk_")
	}
	encoded, ok := strings.CutPrefix(text, privatePrefix)
	key, err := decodeBase64(encoded)
	switch {
	case !ok || err != nil:
	case len(key) == ed25519.SeedSize:
		return ed25519.NewKeyFromSeed(key), nil
	case len(key) == ed25519.PrivateKeySize:
		if made := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize]); made.Equal(ed25519.PrivateKey(key)) {
			return made, nil
		}
		return nil, errors.New("its second half is not the public key of its first")
	}
	return nil, errors.New("a key is whsk_ and the base64 of an ed25519 private key of 32 or 64 bytes, as Standard Webhooks has it")
}

// decodeBase64 reads base64 with or without padding.
func decodeBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
}

// signer signs with every secret and key of a destination: while one of them is being
// replaced, receivers that have either verify the message.
type signer struct {
	secrets [][]byte
	keys    []ed25519.PrivateKey
}

// headers returns the headers of an attempt at sending a message.
func (s signer) headers(id string, at time.Time, body []byte) (timestamp, signature string) {
	timestamp = strconv.FormatInt(at.Unix(), 10)
	signed := make([]byte, 0, len(id)+len(timestamp)+len(body)+2)
	signed = append(append(append(signed, id...), '.'), timestamp...)
	signed = append(append(signed, '.'), body...)
	signatures := make([]string, 0, len(s.secrets)+len(s.keys))
	for _, secret := range s.secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(signed)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	for _, key := range s.keys {
		signatures = append(signatures, "v1a,"+base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed)))
	}
	return timestamp, strings.Join(signatures, " ")
}
