package sdk

import (
	"encoding/json"
	"fmt"
	"time"
)

// Error is the one error type that crosses every border: from plugin to
// gateway, into stored runs, and out as a problem document.
type Error struct {
	// Code is one of the Code constants; what it means for HTTP is decided in
	// one place of the gateway.
	Code Code `json:"code"`
	// Message is for people. It holds no secret.
	Message string `json:"message"`
	// Retryable says that the same call may succeed later. Whether it is
	// repeated is the caller's decision.
	Retryable bool `json:"retryable,omitempty"`
	// RetryAfter is the least time to wait before a repeat; zero when unknown.
	// In JSON: nanoseconds.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
	// Outcome says what is known about the effect.
	Outcome Outcome `json:"outcome,omitempty"`
	// Final says that the same call with the same idempotency key would fail in
	// the same way again, such as a declined card. Whether the effect took place
	// is said by Outcome alone.
	Final bool `json:"final,omitempty"`
	// Faults are the places in the params that are wrong, if known.
	Faults []Fault `json:"errors,omitempty"`
	// Details is a JSON object with the integration's own fields, for Stripe
	// type, code, param, declineCode, requestId.
	Details json.RawMessage `json:"details,omitempty"`
}

// Error returns the code and the message.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Is matches errors by code, so that an error read back from a store or from
// a plugin still matches.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Fault is one wrong place in a JSON document.
type Fault struct {
	// Pointer is a JSON Pointer (RFC 6901) into the params.
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

// Outcome says whether an effect took place.
type Outcome string

// What is known about the effect of a failed call.
const (
	// OutcomeUnknown is also what an empty outcome means.
	OutcomeUnknown Outcome = "unknown"
	// OutcomeNotExecuted: the effect did not take place. Only after it may the
	// same be asked for with another idempotency key.
	OutcomeNotExecuted Outcome = "not_executed"
	// OutcomeExecuted: the effect stands, and its result could not be kept.
	OutcomeExecuted Outcome = "executed"
)

// OutcomeAfter returns what is known of an effect once a call with its idempotency
// key has failed with e. Earlier is what was known before: OutcomeNotExecuted
// before the first call. Keyed says that the key is honoured, so that a final
// refusal speaks for the earlier calls too; any other refusal is of its own call
// alone. It never returns an empty outcome.
func (e *Error) OutcomeAfter(earlier Outcome, keyed bool) Outcome {
	switch {
	case e.Outcome == OutcomeExecuted || earlier == OutcomeExecuted:
		return OutcomeExecuted
	case e.Outcome == OutcomeNotExecuted && (earlier == OutcomeNotExecuted || e.Final && keyed):
		return OutcomeNotExecuted
	default:
		return OutcomeUnknown
	}
}

// Code classifies an error. The set is closed: a plugin that returns another
// code is taken to have returned CodeInternal.
type Code string

// The codes, with what they mean.
const (
	CodeInvalidParams      Code = "invalid_params"      // params fail the action's schema
	CodeRejected           Code = "rejected"            // the vendor refused the request as wrong
	CodeDeclined           Code = "declined"            // a payment was declined
	CodeForbidden          Code = "forbidden"           // the vendor, or the integration itself, does not allow the operation
	CodeNotFound           Code = "not_found"           // the object named does not exist
	CodeConflict           Code = "conflict"            // the present state of the object forbids it
	CodeTooManyRows        Code = "too_many_rows"       // it would change more than it may; nothing was changed
	CodePreconditionFailed Code = "precondition_failed" // the object is not as the caller said that it must be
	CodeRateLimited        Code = "rate_limited"        // too many requests
	CodeCredentials        Code = "credentials_refused" // the vendor refused our credentials
	CodeUpstream           Code = "upstream_error"      // the vendor failed
	CodeTimeout            Code = "timeout"             // no response in time
	CodeUnavailable        Code = "unavailable"         // plugin or vendor cannot be reached
	CodeOutcomeUnknown     Code = "outcome_unknown"     // whether the effect took place cannot be told
	CodeResultTooLarge     Code = "result_too_large"    // the effect stands, its result was too large to keep
	CodeUnknownAction      Code = "unknown_action"      // the plugin has no such action
	CodeInternal           Code = "internal"            // a bug
)

// Codes returns all codes.
func Codes() []Code {
	return []Code{
		CodeInvalidParams, CodeRejected, CodeDeclined, CodeForbidden, CodeNotFound, CodeConflict,
		CodeTooManyRows, CodePreconditionFailed, CodeRateLimited, CodeCredentials, CodeUpstream, CodeTimeout, CodeUnavailable,
		CodeOutcomeUnknown, CodeResultTooLarge, CodeUnknownAction, CodeInternal,
	}
}

// Refuse makes the error of a call that has certainly changed nothing:
//
//	return out, sdk.Refuse(sdk.CodeNotFound, "there is no customer %q", in.ID)
func Refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Outcome: OutcomeNotExecuted}
}

// Fail makes the error of a call that may have taken effect all the same, such as
// one whose response never came.
func Fail(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Outcome: OutcomeUnknown}
}

// Executed makes the error of a call whose effect stands although its result cannot
// be returned, such as one that is too large. It is final: the same key would give
// the same result.
func Executed(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Outcome: OutcomeExecuted, Final: true}
}

// Later says that the same call may succeed after a while, zero if it is not
// known how long. It changes e and returns it.
func (e *Error) Later(after time.Duration) *Error {
	e.Retryable, e.RetryAfter = true, after
	return e
}

// With adds one of the vendor's own fields to the details; what JSON cannot write
// is left out. It changes e and returns it.
func (e *Error) With(name string, value any) *Error {
	details := make(map[string]json.RawMessage)
	if len(e.Details) > 0 {
		// The gateway too drops details that are not an object.
		_ = json.Unmarshal(e.Details, &details)
	}
	if encoded, err := json.Marshal(value); err == nil {
		details[name] = encoded
		e.Details, _ = json.Marshal(details) // raw messages that were just made
	}
	return e
}
