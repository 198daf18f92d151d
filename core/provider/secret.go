package provider

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// secretField is where in credentials.NAME the secret of a built-in provider is.
const secretField = "webhookSecret"

// How secrets and keys begin by Standard Webhooks 1.0
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme).
const (
	standardSecret    = "whsec_"
	standardPublicKey = "whpk_"
)

// isPublicKey reports whether a secret is an ed25519 public key by Standard Webhooks.
func isPublicKey(secret string) bool { return strings.HasPrefix(secret, standardPublicKey) }

// publicKey reads an ed25519 public key that is written as whpk_ and base64.
func publicKey(secret string) (ed25519.PublicKey, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, standardPublicKey))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("what begins with whpk_ goes on in the base64 of the 32 bytes of an ed25519 public key")
	}
	return key, nil
}

// publicKeys are those among secrets.
func publicKeys(secrets []string) []ed25519.PublicKey {
	var keys []ed25519.PublicKey
	for _, secret := range secrets {
		if isPublicKey(secret) {
			if key, err := publicKey(secret); err == nil {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// secretKeys are the secrets whose text is the key of an HMAC. A public key is not one:
// everybody could sign with it.
func secretKeys(secrets []string) [][]byte {
	return rawKeys(slices.DeleteFunc(slices.Clone(secrets), isPublicKey))
}

// errPublicKey says why a secret makes no sample.
var errPublicKey = sdk.Refuse(sdk.CodeInvalidParams, "the webhook's secret is a public key, which signs nothing: a sample needs a secret")

// checkPublicKey is a Provider.CheckSecret of senders whose secret may be a public key
// and is any other text otherwise.
func checkPublicKey(secret string) error {
	if isPublicKey(secret) {
		_, err := publicKey(secret)
		return err
	}
	return nil
}

// standardKey reads a secret that is base64 behind whsec_.
func standardKey(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, standardSecret))
	if err != nil || len(key) == 0 {
		return nil, errors.New("a secret of Standard Webhooks is whsec_ and base64, and a public key whpk_ and base64")
	}
	return key, nil
}

// newStandardSecret makes a secret of 256 random bits.
func newStandardSecret() string {
	return standardSecret + base64.StdEncoding.EncodeToString(randomBytes(32))
}

func randomBytes(n int) []byte {
	random := make([]byte, n)
	// crypto/rand never fails: it ends the program instead.
	_, _ = rand.Read(random)
	return random
}
