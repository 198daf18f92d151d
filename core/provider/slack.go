package provider

import (
	"bytes"

	"github.com/backflow/backflow/sdk/value"
)

// slackScheme is how Slack signs:
// https://docs.slack.dev/authentication/verifying-requests-from-slack.
var slackScheme = scheme{
	name: "slack", page: "https://docs.slack.dev/authentication/verifying-requests-from-slack",
	header: "X-Slack-Signature", prefix: "v0=", algorithm: hmacSHA256, encoding: inHex,
	content: signedAs("v0:{timestamp}:{body}"), timestamp: inHeader("X-Slack-Request-Timestamp"), timeFormat: inSeconds,
	id: inPayload("event_id").or(inPayload("trigger_id")).or(ofBody()), payload: slackPayload, finish: finishSlack,
}

// slackPayload reads what Slack sends: JSON for events
// (https://docs.slack.dev/apis/events-api/), a form with JSON in its field payload for
// interaction (https://docs.slack.dev/interactivity/handling-user-interaction), and a form
// for commands (https://docs.slack.dev/interactivity/implementing-slash-commands). Which of
// these it is, the body says: its content type is not signed.
func slackPayload(r *request) (value.Doc, error) {
	if bytes.HasPrefix(bytes.TrimSpace(r.Body), []byte("{")) {
		return payloadOf("application/json", r.Body, "")
	}
	return payloadOf(formType, r.Body, "payload")
}

// finishSlack says what an event is, and replies to url_verification
// (https://docs.slack.dev/reference/events/url_verification). A command and an interaction
// get an empty response: Slack shows a user what else it gets.
func finishSlack(_ scheme, r *request, payload value.Doc, verified *Verified) {
	verified.Type, _ = at(payload, "type")
	if inner, ok := at(payload, "event.type"); ok {
		verified.Type = inner
	}
	if _, ok := at(payload, "command"); ok && verified.Type == "" {
		verified.Type = "slash_command"
	}
	if challenge, ok := at(payload, "challenge"); ok && verified.Type == "url_verification" {
		if reply, err := echo(challenge); err == nil {
			*verified = reply
			return
		}
	}
	if !bytes.HasPrefix(bytes.TrimSpace(r.Body), []byte("{")) {
		verified.Reply = &Reply{ContentType: "text/plain; charset=utf-8"}
	}
}
