package provider

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// The secret of a sender that signs with a private key is its public key. In place of
// that the private key may stand, of which the public one is made: a development gateway
// makes itself one, so that samples can be signed. What follows reads both; the private
// key is nil where a secret is the public one.

// readEd25519 reads a key pair of ed25519 (RFC 8032).
type readEd25519 func(secret string) (ed25519.PublicKey, ed25519.PrivateKey, error)

// privateEd25519 is what a private key begins with, as Standard Webhooks has it.
const privateEd25519 = "whsk_"

// hexEd25519 reads a public key in hexadecimal digits.
func hexEd25519(secret string) (ed25519.PublicKey, ed25519.PrivateKey, error) {
	return ed25519Pair(secret, hex.DecodeString, "64 hexadecimal digits")
}

// base64Ed25519 reads a public key in base64.
func base64Ed25519(secret string) (ed25519.PublicKey, ed25519.PrivateKey, error) {
	return ed25519Pair(secret, base64.StdEncoding.DecodeString, "44 characters of base64")
}

func ed25519Pair(secret string, decode func(string) ([]byte, error), form string) (ed25519.PublicKey, ed25519.PrivateKey, error) {
	if text, private := strings.CutPrefix(secret, privateEd25519); private {
		seed, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, nil, errors.New("what begins with whsk_ is the base64 of the 32 bytes of an ed25519 private key")
		}
		key := ed25519.NewKeyFromSeed(seed)
		return key.Public().(ed25519.PublicKey), key, nil
	}
	key, err := decode(secret)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, nil, errors.New("expected is the public key of the sender: " + form)
	}
	return key, nil, nil
}

// newEd25519 makes a private key.
func newEd25519() string {
	return privateEd25519 + base64.StdEncoding.EncodeToString(randomBytes(ed25519.SeedSize))
}

// signEd25519 signs a sample with the private key that the secret is.
func signEd25519(made sdk.Sample, read readEd25519, secret, header string, e encoding, content []byte) (sdk.Sample, error) {
	_, private, err := read(secret)
	if err == nil && private == nil {
		err = errPublic
	}
	if err != nil {
		return sdk.Sample{}, sdk.Refuse(sdk.CodeInvalidParams, "%v", err)
	}
	made.Headers[header] = e.encode(ed25519.Sign(private, content))
	return made, nil
}

// errPublic says why a secret makes no signature.
var errPublic = errors.New("the webhook's secret is a public key, which signs nothing: a sample can be made with a private key alone, as backflow dev makes one")

// ecdsaKey reads a key pair of ECDSA over P-256 (FIPS 186-5): the base64 of a
// SubjectPublicKeyInfo or of a PKCS #8 private key, or either as PEM.
func ecdsaKey(secret string) (*ecdsa.PublicKey, *ecdsa.PrivateKey, error) {
	var der []byte
	if block, _ := pem.Decode([]byte(secret)); block != nil {
		der = block.Bytes
	} else if text, err := base64.StdEncoding.DecodeString(secret); err == nil {
		der = text
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		if public, ok := key.(*ecdsa.PublicKey); ok && public.Curve == elliptic.P256() {
			return public, nil, nil
		}
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if private, ok := key.(*ecdsa.PrivateKey); ok && private.Curve == elliptic.P256() {
			return &private.PublicKey, private, nil
		}
	}
	return nil, nil, errors.New("expected is the verification key of the sender: the base64 of an ECDSA public key of the curve P-256")
}

// newECDSA makes a private key.
func newECDSA() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ""
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(der)
}

// signECDSA signs a sample with the private key that the secret is.
func signECDSA(made sdk.Sample, secret, header string, content []byte) (sdk.Sample, error) {
	_, private, err := ecdsaKey(secret)
	if err == nil && private == nil {
		err = errPublic
	}
	if err != nil {
		return sdk.Sample{}, sdk.Refuse(sdk.CodeInvalidParams, "%v", err)
	}
	sum := sha256.Sum256(content)
	signature, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
	made.Headers[header] = inBase64.encode(signature)
	return made, err
}

// anyECDSA reports whether one of the signatures, in ASN.1, is that of the SHA-256 of the
// content by the private key of one of the public ones.
func anyECDSA(keys []*ecdsa.PublicKey, signatures [][]byte, content []byte) bool {
	sum := sha256.Sum256(content)
	for _, key := range keys {
		for _, signature := range signatures {
			if ecdsa.VerifyASN1(key, sum[:], signature) {
				return true // all of it is public
			}
		}
	}
	return false
}

// signedEd25519 returns the text of the header that has the time, if one of the
// signatures is that of the content with one of the secrets. An error is a refusal.
func (r *request) signedEd25519(header string, e encoding, timeHeader string, read readEd25519, content func(timestamp string, body []byte) []byte) (timestamp string, err error) {
	signatures, err := r.signatures(header, "", e)
	if err != nil {
		return "", err
	}
	timestamp, ok := r.header(timeHeader)
	if !ok {
		return "", refuse("the header %s is missing or given twice, which is signed", timeHeader)
	}
	keys := make([]ed25519.PublicKey, len(r.Secrets))
	for i, secret := range r.Secrets {
		if keys[i], _, err = read(secret); err != nil {
			return "", refuse("the webhook's secret is no key: %v", err)
		}
	}
	if !anyEd25519(keys, signatures, content(timestamp, r.Body)) {
		return "", notSigned(header)
	}
	return timestamp, nil
}
