// Package signature makes and checks the signatures of Stripe's webhooks: the
// Stripe-Signature header, scheme v1, an HMAC-SHA256 over "timestamp.body"
// (https://docs.stripe.com/webhooks#verify-manually).
//
// It is our own because stripe-go's webhook.ConstructEvent takes a signature
// made with an empty secret, and any time in the future. The package knows
// nothing of what an event holds.
//
// The package imports nothing of the project.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Header is the canonical name of the header.
const Header = "Stripe-Signature"

// Refusal is why a signature is not accepted. It names neither a secret nor a
// computed signature.
type Refusal struct {
	Reason string
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// ErrNoSecret says that there is no secret to check with, or an empty one. It
// is a fault of the configuration, not of the sender: anybody can sign with
// an empty secret.
var ErrNoSecret = errors.New("webhook secret is empty")

// Sign returns the value of the header for a body, sent at a time.
func Sign(body []byte, secret string, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(t, body, secret))
}

// Verify checks that one of the v1 signatures of a header was made over body
// with one of the secrets, at a time that is no more than tolerance away from
// now, either way. The error of a signature that does not hold is a *Refusal;
// any other error means that the check could not be made.
//
// All signatures are compared with all secrets, in constant time.
func Verify(header string, body []byte, secrets []string, now time.Time, tolerance time.Duration) error {
	if len(secrets) == 0 {
		return ErrNoSecret
	}
	for _, secret := range secrets {
		if strings.TrimSpace(secret) == "" {
			return ErrNoSecret
		}
	}
	parsed, err := parse(header)
	if err != nil {
		return err
	}
	genuine := false
	for _, secret := range secrets {
		want := mac(parsed.timestamp, body, secret)
		for _, got := range parsed.signatures {
			if hmac.Equal(want, got) {
				genuine = true
			}
		}
	}
	if !genuine {
		return refuse("no v1 signature of the %s header matches: the secret is another one, or the body was changed on its way", Header)
	}
	// The time is judged last, so that only a genuine signature is called old.
	age := now.Sub(time.Unix(parsed.unix, 0))
	switch {
	case age > tolerance:
		return refuse("the signature is too old: made %s ago, %s are allowed", age.Truncate(time.Second), tolerance)
	case age < -tolerance:
		return refuse("the signature is from the future: made %s ahead, %s are allowed", (-age).Truncate(time.Second), tolerance)
	}
	return nil
}

func mac(timestamp string, body []byte, secret string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(timestamp))
	h.Write([]byte{'.'})
	h.Write(body)
	return h.Sum(nil)
}
