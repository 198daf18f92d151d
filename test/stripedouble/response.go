package stripedouble

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// response is the response to a request.
type response struct {
	status   int
	body     []byte
	replayed bool
	// began says that the operation began to execute, so that the response is
	// kept under the key.
	began bool
	// key is echoed.
	key string
}

func (a *response) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if a.key != "" {
		w.Header().Set("Idempotency-Key", a.key)
	}
	if a.replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}

// stripeError is the inner object of Stripe's error.
type stripeError struct {
	Type        string `json:"type"`
	Code        string `json:"code,omitempty"`
	DeclineCode string `json:"decline_code,omitempty"`
	Param       string `json:"param,omitempty"`
	Message     string `json:"message"`
}

func refuse(status int, e stripeError) *response {
	body, err := json.MarshalIndent(map[string]stripeError{"error": e}, "", "  ")
	if err != nil {
		return &response{status: http.StatusInternalServerError} // strings always marshal
	}
	return &response{status: status, body: body}
}

func invalid(code, param, format string, args ...any) *response {
	return refuse(http.StatusBadRequest, stripeError{
		Type: "invalid_request_error", Code: code, Param: param, Message: fmt.Sprintf(format, args...),
	})
}

func missing(kind, id, param string, status int) *response {
	return refuse(status, stripeError{
		Type: "invalid_request_error", Code: "resource_missing", Param: param,
		Message: fmt.Sprintf("No such %s: '%s'", kind, id),
	})
}

func success(o object) *response {
	body, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return failed()
	}
	return &response{status: http.StatusOK, body: append(body, '\n'), began: true}
}

// failed is an error of the server in the middle of the work.
func failed() *response {
	a := refuse(http.StatusInternalServerError, stripeError{Type: "api_error", Message: "An unknown error occurred"})
	a.began = true
	return a
}

func declined() *response {
	a := refuse(http.StatusPaymentRequired, stripeError{
		Type: "card_error", Code: "card_declined", DeclineCode: "generic_decline", Message: "Your card was declined.",
	})
	a.began = true
	return a
}

func tooMany() *response {
	return refuse(http.StatusTooManyRequests, stripeError{
		Type: "invalid_request_error", Code: "rate_limit", Message: "Too many requests made to the API too quickly",
	})
}
