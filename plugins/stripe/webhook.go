package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/stripe/internal/sample"
	"github.com/backflow/backflow/plugins/stripe/internal/signature"
	"github.com/backflow/backflow/sdk"
)

// verifyWebhook checks the Stripe-Signature header over the raw body, and then
// reads the event. Any API version is taken, and thin events too.
func verifyWebhook(_ context.Context, request sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	headers := request.Headers[signature.Header]
	if len(headers) > 1 {
		return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Reason: fmt.Sprintf("there are %d %s headers", len(headers), signature.Header)}
	}
	err := signature.Verify(strings.Join(headers, ""), request.Body, request.Secrets, request.Now, request.Tolerance)
	var refusal *signature.Refusal
	if errors.As(err, &refusal) {
		return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Reason: refusal.Reason}
	}
	if err != nil {
		return sdk.WebhookEvent{}, fmt.Errorf("stripe: %w", err)
	}
	event, err := readEvent(request.Body)
	if err != nil {
		return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Reason: err.Error(), Genuine: true}
	}
	return event, nil
}

// maxName bounds the id and the type of an event, in bytes: they are kept with it.
const maxName = 255

// readEvent reads the members "id", "type" and "livemode" of an event.
func readEvent(body []byte) (sdk.WebhookEvent, error) {
	var event sdk.WebhookEvent
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	if decoder.PeekKind() != '{' {
		return event, errors.New("the body is not a JSON object")
	}
	value, err := decoder.ReadValue()
	if err != nil {
		return event, invalidJSON(err)
	}
	if len(bytes.TrimSpace(body[decoder.InputOffset():])) > 0 {
		return event, errors.New("the body is not valid JSON: something comes after the object")
	}
	members := jsontext.NewDecoder(bytes.NewReader(value))
	if _, err := members.ReadToken(); err != nil {
		return event, invalidJSON(err)
	}
	for members.PeekKind() != '}' {
		token, err := members.ReadToken()
		if err != nil {
			return event, invalidJSON(err)
		}
		name := token.String()
		member, err := members.ReadValue()
		if err != nil {
			return event, invalidJSON(err)
		}
		switch name {
		case "id":
			event.ID = text(member)
		case "type":
			event.Type = text(member)
		case "livemode":
			if kind := member.Kind(); kind == 't' || kind == 'f' {
				live := kind == 't'
				event.Livemode = &live
			}
		}
	}
	switch {
	case event.ID == "" || len(event.ID) > maxName || strings.ContainsFunc(event.ID, isNotVisible):
		return sdk.WebhookEvent{}, fmt.Errorf("the event has no id, or one that is no text of 1 to %d visible characters", maxName)
	case event.Type == "" || len(event.Type) > maxName:
		// Which types there are is Stripe's business: a genuine event is not
		// refused for the characters of its type, which is data and no more.
		return sdk.WebhookEvent{}, fmt.Errorf("the event has no type, or one that is no text of 1 to %d bytes", maxName)
	}
	return event, nil
}

// invalidJSON says what is wrong with a body, and none of what is in it.
func invalidJSON(err error) error {
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errors.New("the body is not valid JSON: a name is given twice in an object")
	case errors.As(err, &syntactic) && strings.Contains(err.Error(), "UTF-8"):
		return errors.New("the body is not valid JSON: it holds what is not UTF-8")
	case errors.As(err, &syntactic) && strings.Contains(err.Error(), "depth"):
		return errors.New("the body is nested too deeply")
	}
	return errors.New("the body is not valid JSON")
}

// isNotVisible reports whether a character is not visible ASCII.
func isNotVisible(r rune) bool { return r <= ' ' || r > '~' }

// text returns the value of a JSON string, empty for anything else.
func text(value jsontext.Value) string {
	if value.Kind() != '"' {
		return ""
	}
	unquoted, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return ""
	}
	return string(unquoted)
}

// sampleWebhook makes a signed sample event, or the events of a life cycle.
func sampleWebhook(_ context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
	if strings.TrimSpace(request.Secret) == "" {
		return sdk.Sample{}, fmt.Errorf("stripe: %w", signature.ErrNoSecret)
	}
	if !request.Chain {
		body, err := sample.Event(request.EventType, request.Set, request.Now)
		if err != nil {
			return sdk.Sample{}, fmt.Errorf("stripe: %w", err)
		}
		return deliverable(body, request), nil
	}
	bodies, err := sample.Chain(request.EventType, request.Set, request.Now)
	if err != nil {
		return sdk.Sample{}, fmt.Errorf("stripe: %w", err)
	}
	last := len(bodies) - 1
	made := deliverable(bodies[last], request)
	for _, body := range bodies[:last] {
		made.Before = append(made.Before, deliverable(body, request))
	}
	return made, nil
}

// deliverable is an event as Stripe sends it.
func deliverable(body []byte, request sdk.SampleRequest) sdk.Sample {
	return sdk.Sample{
		Headers: map[string]string{
			"Content-Type":   "application/json; charset=utf-8",
			"User-Agent":     "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
			signature.Header: signature.Sign(body, request.Secret, request.Now),
		},
		Body: body,
	}
}
