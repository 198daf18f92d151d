package plugin

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/backflow/backflow/core/excerpt"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

var codes = sdk.Codes()

const (
	// maxRetryAfter bounds what an error can make a caller, or a run, wait.
	maxRetryAfter = 24 * time.Hour
	// The rest bounds, in bytes, what of an error is logged, kept with each attempt
	// of a run and sent to callers. A message has room for a crashed plugin's last
	// output.
	maxMessage = 96 << 10
	maxFaults  = 100
	maxFault   = 4 << 10
	maxDetails = 256 << 10
)

// clean makes of an instance's error one that the rest of the gateway can
// trust: a known code, a known outcome, details that are an object, no secret.
func (p *Plugin) clean(err error) *sdk.Error {
	return cleanError(err, &p.redactor)
}

// cleanWith is clean for the webhook methods: a refusal stays one, and the
// secrets of the request are hidden too.
func (p *Plugin) cleanWith(err error, secrets ...string) error {
	hide := &telemetry.Redactor{}
	hide.Add(secrets...)
	var refusal *sdk.WebhookRefusal
	if errors.As(err, &refusal) {
		return &sdk.WebhookRefusal{Reason: hide.String(p.redactor.String(refusal.Reason))}
	}
	return cleanError(p.clean(err), hide)
}

func cleanError(err error, hide *telemetry.Redactor) *sdk.Error {
	var given *sdk.Error
	if !errors.As(err, &given) {
		given = &sdk.Error{Code: sdk.CodeInternal, Message: err.Error()}
	}
	clean := *given
	if !slices.Contains(codes, clean.Code) {
		clean.Message = "the plugin answered the unknown error code \"" + string(clean.Code) + "\": " + clean.Message
		clean.Code = sdk.CodeInternal
	}
	if clean.Outcome != sdk.OutcomeNotExecuted {
		clean.Outcome = sdk.OutcomeUnknown
	}
	clean.Message = excerpt.Bytes(hide.String(clean.Message), maxMessage)
	clean.RetryAfter = min(max(0, clean.RetryAfter), maxRetryAfter)
	clean.Faults = slices.Clone(clean.Faults[:min(len(clean.Faults), maxFaults)])
	for i := range clean.Faults {
		clean.Faults[i].Pointer = excerpt.Bytes(hide.String(clean.Faults[i].Pointer), maxFault)
		clean.Faults[i].Message = excerpt.Bytes(hide.String(clean.Faults[i].Message), maxFault)
	}
	clean.Details = cleanDetails(clean.Details, hide)
	return &clean
}

// cleanDetails drops what is no JSON object, and what is far too large: it is
// extra information, and the error itself is worth more than it.
func cleanDetails(details json.RawMessage, hide *telemetry.Redactor) json.RawMessage {
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
