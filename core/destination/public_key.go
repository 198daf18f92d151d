package destination

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// PublicKey is what receivers verify signatures with: a JSON Web Key (RFC 8037) that
// also has the form of Standard Webhooks.
type PublicKey struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	// ID is the key's thumbprint (RFC 7638).
	ID string `json:"kid"`
	// Standard is the key as Standard Webhooks writes it, whpk_ and base64.
	Standard string `json:"whpk"`
}

func publicKeyOf(key ed25519.PrivateKey) PublicKey {
	public, _ := key.Public().(ed25519.PublicKey) // it always is one
	x := base64.RawURLEncoding.EncodeToString(public)
	// The members of the thumbprint are in this order (RFC 8037, appendix A.3).
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":"%s"}`, x))
	return PublicKey{
		Type: "OKP", Curve: "Ed25519", X: x, Use: "sig", Algorithm: "EdDSA",
		ID: base64.RawURLEncoding.EncodeToString(sum[:]), Standard: publicPrefix + base64.StdEncoding.EncodeToString(public),
	}
}
