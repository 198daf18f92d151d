package program

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"
)

// StripeEvent is the body of an event about a payment, whose id is "pi_of_"
// and the event's.
func StripeEvent(id, kind string, amount int64) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2023-10-16","type":%q,"data":{"object":{"id":"pi_of_%s","object":"payment_intent","amount":%d}}}`,
		id, kind, id, amount)
}

// StripeDelivery is the signed request of an event, made as Stripe says
// (https://docs.stripe.com/webhooks#verify-manually), to the path of the
// example configs.
func StripeDelivery(body, secret string, at time.Time) Request {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + body))
	return Request{
		Method: http.MethodPost, Path: "/webhooks/stripe", Body: body, Token: "none",
		Header: map[string]string{"Stripe-Signature": "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))},
	}
}
