package resource

import (
	"fmt"
	"net/http"
	"strings"
)

// Types of Stripe's errors (https://docs.stripe.com/api/errors).
const (
	InvalidRequest   = "invalid_request_error"
	CardError        = "card_error"
	IdempotencyError = "idempotency_error"
	APIError         = "api_error"
)

// Refusal is an error that Stripe responds with.
type Refusal struct {
	Status  int
	Type    string
	Code    string
	Param   string
	Message string
	// DeclineCode says why the issuer declined.
	DeclineCode string
	// Fields are further fields of the error: "payment_intent", "charge" and such.
	Fields Object
	// Stands says that what the operation changed stands, as a declined charge
	// does. Otherwise a refusal undoes everything.
	Stands bool
}

// Object is the refusal as Stripe sends it.
func (r *Refusal) Object() Object {
	body := Object{"type": r.Type, "message": r.Message}
	for name, value := range map[string]string{"code": r.Code, "param": r.Param, "decline_code": r.DeclineCode} {
		if value != "" {
			body[name] = value
		}
	}
	if r.Code != "" {
		body["doc_url"] = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(r.Code, "_", "-")
	}
	for name, value := range r.Fields {
		body[name] = value
	}
	return Object{"error": body}
}

// Kept says whether the refusal is kept under an idempotency key: declines,
// failures, and refusals of what an object's state forbids are; refusals of params
// are not (https://docs.stripe.com/api/idempotent_requests).
func (r *Refusal) Kept() bool {
	switch r.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests:
		return false
	}
	return r.Stands || r.Status >= http.StatusInternalServerError || r.Param == "" && r.Code != "" && !strings.HasPrefix(r.Code, "parameter_")
}

// Invalid refuses a param.
func Invalid(param, code, format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Type: InvalidRequest, Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// Unexpected refuses what an object's state forbids. It names no param.
func Unexpected(code, format string, args ...any) *Refusal {
	return Invalid("", code, format, args...)
}

// NotDone refuses what the sandbox does not do, rather than doing something else. What
// completes "The sandbox does not", as in "compute taxes".
func NotDone(param, what string) *Refusal {
	return Invalid(param, "", "The sandbox does not %s.", what)
}

// Missing refuses an id in a param that no object has, in Stripe's words.
func Missing(kind, id, param string) *Refusal {
	return Invalid(param, "resource_missing", "No such %s: '%s'", spoken(kind), id)
}

// MissingSubject refuses an id in the path, which is 404.
func MissingSubject(kind, id string) *Refusal {
	refusal := Missing(kind, id, pathParam(kind))
	refusal.Status = http.StatusNotFound
	return refusal
}

// spoken is what Stripe calls a type in messages.
func spoken(kind string) string {
	switch kind {
	case "payment_method":
		return "PaymentMethod"
	case "setup_intent":
		return "setupintent"
	case "promotion_code":
		return "promotion code"
	case "test_helpers.test_clock":
		return "test clock"
	case "billing_portal.configuration", "billing_portal.session", "checkout.session":
		return strings.ReplaceAll(kind, "_", " ")
	}
	return kind
}

// pathParam is what Stripe calls the id in the path of a type.
func pathParam(kind string) string {
	switch kind {
	case "payment_intent", "setup_intent":
		return "intent"
	case "payment_method", "price", "invoice", "invoiceitem", "promotion_code", "dispute", "payout", "payment_link", "webhook_endpoint", "transfer", "refund":
		return kind
	}
	return "id"
}
