package payment

import (
	"net/http"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// reason is how Stripe explains a decline
// (https://docs.stripe.com/declines/codes).
type reason struct {
	code, decline, message string
}

// reasonOf returns how a decline is explained.
func reasonOf(decline string) reason {
	switch decline {
	case "insufficient_funds":
		return reason{"card_declined", decline, "Your card has insufficient funds."}
	case "expired_card":
		return reason{"expired_card", "", "Your card has expired."}
	case "incorrect_cvc":
		return reason{"incorrect_cvc", "", "Your card's security code is incorrect."}
	case "processing_error":
		return reason{"processing_error", "", "An error occurred while processing your card. Try again in a little bit."}
	case "card_velocity_exceeded":
		return reason{"card_declined", decline, "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."}
	case "authentication_required":
		return reason{"authentication_required", "authentication_required", "Your card was declined. This transaction requires authentication."}
	}
	return reason{"card_declined", decline, "Your card was declined."}
}

// dashed is a code as it stands in the address of its page.
func dashed(code string) string { return strings.ReplaceAll(code, "_", "-") }

// declineError is a decline as an intent shows it in its last error.
func declineError(decline string) Object {
	why := reasonOf(decline)
	failure := Object{
		"type": resource.CardError, "code": why.code, "message": why.message,
		"doc_url": "https://stripe.com/docs/error-codes/" + dashed(why.code),
	}
	if why.decline != "" {
		failure["decline_code"] = why.decline
	}
	return failure
}

// declined is the refusal of a payment. What it changed stands.
func declined(decline string, fields Object) *Refusal {
	why := reasonOf(decline)
	return &Refusal{
		Status: http.StatusPaymentRequired, Type: resource.CardError, Code: why.code, DeclineCode: why.decline,
		Message: why.message, Fields: fields, Stands: true,
	}
}

// wrongCard refuses card details. Nothing was changed.
func wrongCard(code, param, message string) *Refusal {
	return &Refusal{Status: http.StatusPaymentRequired, Type: resource.CardError, Code: code, Param: param, Message: message}
}
