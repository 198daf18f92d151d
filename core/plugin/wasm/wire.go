package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

// The host's half of the mapping between the types of package sdk and frames. What is
// read is copied, because a frame is the guest's memory.

// A guest's timeout ends a little earlier than the host's, so that a guest that keeps
// it can still respond and need not be thrown away: by 1/graceShare of the time, and
// maxGrace at most.
const (
	graceShare = 20
	maxGrace   = 50 * time.Millisecond
)

// appendTimeout adds how much time is left.
func appendTimeout(frame []byte, deadline time.Time) []byte {
	if deadline.IsZero() {
		return frame
	}
	left := time.Until(deadline)
	return abi.AppendNumber(frame, abi.Timeout, max(1, int64(left-min(left/graceShare, maxGrace))))
}

func appendCall(frame []byte, call *sdk.Call, deadline time.Time) []byte {
	frame = abi.Append(frame, abi.Action, call.Action)
	if call.IdempotencyKey != "" {
		frame = abi.Append(frame, abi.IdempotencyKey, call.IdempotencyKey)
	}
	if call.RequestID != "" {
		frame = abi.Append(frame, abi.RequestID, call.RequestID)
	}
	return abi.Append(appendTimeout(frame, deadline), abi.Body, call.Params)
}

func readResult(frame abi.Frame, result *sdk.Result) error {
	if frame.Kind != abi.OK {
		return errors.New("the answer to Execute is of another kind")
	}
	for tag, content := range frame.Fields() {
		switch tag {
		case abi.Body:
			result.Body = bytes.Clone(content)
		case abi.ContentType:
			result.ContentType = string(content)
		}
	}
	return nil
}

// readError returns the error of a guest's failure, which is never nil.
func readError(frame abi.Frame) error {
	for tag, content := range frame.Fields() {
		if tag != abi.Error {
			continue
		}
		reported := &sdk.Error{}
		if err := json.Unmarshal(content, reported); err != nil {
			break
		}
		return reported
	}
	return errors.New("its error cannot be read")
}

func readManifest(frame abi.Frame, manifest *sdk.Manifest) error {
	for tag, content := range frame.Fields() {
		if tag == abi.Body {
			if err := json.Unmarshal(content, manifest); err != nil {
				return fmt.Errorf("its manifest cannot be read: %w", err)
			}
			return nil
		}
	}
	return errors.New("it answered no manifest")
}

func appendCommand(frame []byte, command sdk.SandboxCommand, deadline time.Time) []byte {
	frame = abi.Append(appendTimeout(frame, deadline), abi.Action, command.Name)
	return abi.Append(frame, abi.Body, command.Params)
}

// readJSON reads a response whose body is JSON; what names it in the error.
func readJSON(frame abi.Frame, what string, into any) error {
	for tag, content := range frame.Fields() {
		if tag == abi.Body {
			if err := json.Unmarshal(content, into); err != nil {
				return fmt.Errorf("%s cannot be read: %w", what, err)
			}
			return nil
		}
	}
	return fmt.Errorf("%s: the response has none", what)
}

// appendConfig leaves out the directories, because a guest has no files.
func appendConfig(frame []byte, config sdk.Config) ([]byte, error) {
	body, err := json.Marshal(struct {
		Credentials json.RawMessage     `json:"credentials"`
		Sandbox     bool                `json:"sandbox,omitempty"`
		Inspect     bool                `json:"inspect,omitempty"`
		Webhooks    []sdk.WebhookTarget `json:"webhooks,omitempty"`
	}{config.Credentials, config.Sandbox, config.Inspect, config.Webhooks})
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return abi.Append(frame, abi.Body, body), nil
}

func appendWebhook(frame []byte, request sdk.WebhookRequest) []byte {
	if request.Method != "" {
		frame = abi.Append(frame, abi.Method, request.Method)
	}
	for name, values := range request.Headers {
		for _, value := range values {
			frame = abi.AppendPair(frame, abi.Header, name, ':', value)
		}
	}
	frame = abi.Append(frame, abi.URL, request.URL)
	for _, secret := range request.Secrets {
		frame = abi.Append(frame, abi.Secret, secret)
	}
	frame = abi.AppendNumber(frame, abi.Now, request.Now.UnixNano())
	frame = abi.AppendNumber(frame, abi.Tolerance, int64(request.Tolerance))
	return abi.Append(frame, abi.Body, request.Body)
}

func readEvent(frame abi.Frame, event *sdk.WebhookEvent) error {
	refusal := &sdk.WebhookRefusal{Reason: "the plugin gives no reason"}
	for tag, content := range frame.Fields() {
		switch {
		case tag == abi.Reason:
			refusal.Reason = string(content)
		case tag == abi.Genuine:
			refusal.Genuine = abi.Number(content) != 0
		case tag == abi.EventID:
			event.ID = string(content)
		case tag == abi.EventType:
			event.Type = string(content)
		case tag == abi.Livemode:
			live := abi.Number(content) != 0
			event.Livemode = &live
		case tag == abi.Flag:
			event.Flags = append(event.Flags, string(content))
		case tag == abi.Payload:
			event.Payload = bytes.Clone(content)
		case tag == abi.IDUnsigned:
			event.IDUnsigned = abi.Number(content) != 0
		case tag == abi.Reply:
			reply, err := abi.Parse(content)
			if err != nil {
				return fmt.Errorf("the reply to the sender: %w", err)
			}
			event.Reply = readReply(reply)
		}
	}
	if frame.Kind == abi.Refusal {
		return refusal
	}
	return nil
}

func readReply(frame abi.Frame) *sdk.WebhookReply {
	reply := &sdk.WebhookReply{}
	for tag, content := range frame.Fields() {
		switch tag {
		case abi.ContentType:
			reply.ContentType = string(content)
		case abi.Body:
			reply.Body = bytes.Clone(content)
		}
	}
	return reply
}

func appendSample(frame []byte, request sdk.SampleRequest) []byte {
	frame = abi.Append(frame, abi.EventType, request.EventType)
	for path, value := range request.Set {
		frame = abi.AppendPair(frame, abi.Set, path, '=', value)
	}
	frame = abi.Append(frame, abi.Secret, request.Secret)
	if request.Chain {
		frame = abi.AppendNumber(frame, abi.Chain, 1)
	}
	return abi.AppendNumber(frame, abi.Now, request.Now.UnixNano())
}

func readSample(frame abi.Frame, sample *sdk.Sample) error {
	readEventSent(frame, sample)
	for tag, content := range frame.Fields() {
		if tag != abi.Before {
			continue
		}
		older, err := abi.Parse(content)
		if err != nil {
			return fmt.Errorf("an older sample: %w", err)
		}
		var before sdk.Sample
		readEventSent(older, &before) // none has any before it, however a guest nests them
		sample.Before = append(sample.Before, before)
	}
	return nil
}

// readEventSent reads the request of one event.
func readEventSent(frame abi.Frame, sample *sdk.Sample) {
	sample.Headers = make(map[string]string)
	for tag, content := range frame.Fields() {
		switch tag {
		case abi.Header:
			name, value, _ := strings.Cut(string(content), ":")
			sample.Headers[name] = value
		case abi.Body:
			sample.Body = bytes.Clone(content)
		}
	}
}
