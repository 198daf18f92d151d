package payment

import (
	"net/http"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// reason is how Stripe tells of a decline
// (https://docs.stripe.com/declines/codes).
type reason struct {
	code, decline, message string
}

// reasonOf returns what is told of a decline.
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

// declined is the refusal of a payment. What it changed stands.
func declined(decline string, fields Object) *Refusal {
	told := reasonOf(decline)
	return &Refusal{
		Status: http.StatusPaymentRequired, Type: resource.CardError, Code: told.code, DeclineCode: told.decline,
		Message: told.message, Fields: fields, Stands: true,
	}
}

// wrongCard refuses card details. Nothing was changed.
func wrongCard(code, param, message string) *Refusal {
	return &Refusal{Status: http.StatusPaymentRequired, Type: resource.CardError, Code: code, Param: param, Message: message}
}
