package plugin

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
)

var codes = sdk.Codes()

const (
	// maxRetryAfter bounds what an error can make a caller, or a run, wait.
	maxRetryAfter = 24 * time.Hour
	// The rest bounds, in bytes or in number, what of an error is logged, kept with
	// each attempt of a run and sent to callers. A message has room for a crashed
	// plugin's last output.
	maxMessage = 96 << 10
	maxFaults  = 100
	maxFault   = 4 << 10
	maxDetails = 256 << 10
)

// sanitizeWebhook is sanitize for the webhook methods: a refusal stays one, and the
// secrets of the request are hidden too. The words of the sender, own, stay.
func (p *Plugin) sanitizeWebhook(err error, secrets []string, own ...[]byte) error {
	hide := &telemetry.Redactor{}
	hide.Add(secrets...)
	var refusal *sdk.WebhookRefusal
	if errors.As(err, &refusal) {
		reason := hide.Sparing(own...).String(p.redactor.Sparing(own...).String(refusal.Reason))
		return &sdk.WebhookRefusal{Reason: reason, Genuine: refusal.Genuine}
	}
	return sanitize(sanitize(err, p.redactor.Sparing(own...)), hide.Sparing(own...))
}

// sanitize turns an instance's error into one that the rest of the gateway can
// trust: a known code, a known outcome, details that are an object, no secret.
func sanitize(err error, hide telemetry.Redaction) *sdk.Error {
	var given *sdk.Error
	if !errors.As(err, &given) {
		given = &sdk.Error{Code: sdk.CodeInternal, Message: err.Error()}
	}
	sanitized := *given
	if !slices.Contains(codes, sanitized.Code) {
		sanitized.Message = "the plugin answered the unknown error code \"" + string(sanitized.Code) + "\": " + sanitized.Message
		sanitized.Code = sdk.CodeInternal
	}
	if sanitized.Outcome == "" && sanitized.Code == sdk.CodeResultTooLarge {
		// An SDK from before OutcomeExecuted: this is only so once the effect stands.
		sanitized.Outcome, sanitized.Final = sdk.OutcomeExecuted, true
	}
	if sanitized.Outcome == "" && (sanitized.Code == sdk.CodeInvalidParams || sanitized.Code == sdk.CodeUnknownAction) {
		sanitized.Outcome = sdk.OutcomeNotExecuted // by what these codes mean
	}
	if sanitized.Outcome != sdk.OutcomeNotExecuted && sanitized.Outcome != sdk.OutcomeExecuted {
		sanitized.Outcome = sdk.OutcomeUnknown
	}
	sanitized.Message = excerpt.Bytes(hide.String(sanitized.Message), maxMessage)
	sanitized.RetryAfter = min(max(0, sanitized.RetryAfter), maxRetryAfter)
	sanitized.Faults = slices.Clone(sanitized.Faults[:min(len(sanitized.Faults), maxFaults)])
	for i := range sanitized.Faults {
		sanitized.Faults[i].Pointer = excerpt.Bytes(hide.String(sanitized.Faults[i].Pointer), maxFault)
		sanitized.Faults[i].Message = excerpt.Bytes(hide.String(sanitized.Faults[i].Message), maxFault)
	}
	sanitized.Details = sanitizeDetails(sanitized.Details, hide)
	return &sanitized
}

// sanitizeDetails drops details that are no JSON object, or far too large. They are
// extra information: the error itself is worth more.
func sanitizeDetails(details json.RawMessage, hide telemetry.Redaction) json.RawMessage {
	if len(details) > maxDetails {
		return nil
	}
	details = hide.JSON(details)
	var object map[string]json.RawMessage
	if err := json.Unmarshal(details, &object); err != nil || object == nil {
		return nil
	}
	return details
}
