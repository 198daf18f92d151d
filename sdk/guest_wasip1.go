package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk/abi"
)

// guest serves a Plugin to the host, frame by frame.
type guest struct {
	plugin Plugin
	logger *slog.Logger
}

// handle appends the response to a request to into. What it keeps of the request
// is copied, because the host writes the next one to the same place.
func (g *guest) handle(into, request []byte) []byte {
	frame, err := abi.Parse(request)
	if err != nil {
		return appendError(into, Refuse(CodeInternal, "%v", err))
	}
	switch frame.Kind {
	case abi.Execute:
		return g.execute(into, frame)
	case abi.Manifest:
		return g.manifest(into)
	case abi.Configure:
		return g.configure(into, frame)
	case abi.VerifyWebhook:
		return g.verifyWebhook(into, frame)
	case abi.SampleWebhook:
		return g.sampleWebhook(into, frame)
	case abi.ControlSandbox:
		return g.controlSandbox(into, frame)
	case abi.CheckUses:
		return g.checkUses(into, frame)
	case abi.ListEvents:
		return g.listEvents(into, frame)
	case abi.SyncEndpoint:
		return g.syncEndpoint(into, frame)
	}
	return appendError(into, notImplemented(fmt.Sprintf("request %d", frame.Kind)))
}

func (g *guest) manifest(into []byte) []byte {
	manifest, err := readManifest(g.plugin, g.logger)
	if err != nil {
		return appendError(into, err)
	}
	encoded, err := json.Marshal(manifest)
	if err != nil {
		return appendError(into, fmt.Errorf("the manifest has a schema that is not JSON: %w", err))
	}
	return abi.Append(abi.Begin(into, abi.OK), abi.Body, encoded)
}

func (g *guest) configure(into []byte, frame abi.Frame) []byte {
	var config struct {
		Credentials json.RawMessage `json:"credentials"`
		Sandbox     bool            `json:"sandbox"`
		Inspect     bool            `json:"inspect"`
		Webhooks    []WebhookTarget `json:"webhooks"`
	}
	for tag, content := range frame.Fields() {
		if tag == abi.Body {
			if err := json.Unmarshal(content, &config); err != nil {
				return appendError(into, err)
			}
		}
	}
	ctx, finish := g.context(frame)
	defer finish()
	err := guard(g.logger, "Configure", func() error {
		return g.plugin.Configure(ctx, Config{
			Credentials: config.Credentials, Sandbox: config.Sandbox, Inspect: config.Inspect, Webhooks: config.Webhooks,
		})
	})
	if err != nil {
		return appendError(into, err)
	}
	return abi.Begin(into, abi.OK)
}

func (g *guest) execute(into []byte, frame abi.Frame) []byte {
	var call Call
	for tag, content := range frame.Fields() {
		switch tag {
		case abi.Action:
			call.Action = string(content)
		case abi.Body:
			call.Params = bytes.Clone(content)
		case abi.IdempotencyKey:
			call.IdempotencyKey = string(content)
		case abi.RequestID:
			call.RequestID = string(content)
		}
	}
	ctx, finish := g.context(frame)
	defer finish()
	var result Result
	err := guard(g.logger, call.Action, func() (err error) {
		result, err = g.plugin.Execute(ctx, call)
		return err
	})
	if err == nil {
		err = checkSize(result)
	}
	if err != nil {
		return appendError(into, err)
	}
	into = abi.Begin(into, abi.OK)
	if result.ContentType != "" {
		into = abi.Append(into, abi.ContentType, result.ContentType)
	}
	return abi.Append(into, abi.Body, result.Body)
}

// context is the context of one call. The host adds to what is logged which call
// it belongs to.
func (g *guest) context(frame abi.Frame) (ctx context.Context, finish func()) {
	var timeout time.Duration
	for tag, content := range frame.Fields() {
		if tag == abi.Timeout {
			timeout = time.Duration(abi.Number(content))
		}
	}
	call := newCallContext(context.Background(), g.logger, &Call{}, timeout)
	return call, call.finish
}

func (g *guest) verifyWebhook(into []byte, frame abi.Frame) []byte {
	verifier, ok := g.plugin.(WebhookVerifier)
	if !ok {
		return appendError(into, notImplemented("VerifyWebhook"))
	}
	request := WebhookRequest{Headers: make(map[string][]string)}
	for tag, content := range frame.Fields() {
		switch tag {
		case abi.Method:
			request.Method = string(content)
		case abi.Header:
			name, value, _ := strings.Cut(string(content), ":")
			request.Headers[name] = append(request.Headers[name], value)
		case abi.Body:
			request.Body = bytes.Clone(content)
		case abi.URL:
			request.URL = string(content)
		case abi.Secret:
			request.Secrets = append(request.Secrets, string(content))
		case abi.Now:
			request.Now = time.Unix(0, abi.Number(content)).UTC()
		case abi.Tolerance:
			request.Tolerance = time.Duration(abi.Number(content))
		}
	}
	ctx, finish := g.context(frame)
	defer finish()
	var event WebhookEvent
	err := guard(g.logger, "VerifyWebhook", func() (err error) {
		event, err = verifier.VerifyWebhook(ctx, request)
		return err
	})
	var refusal *WebhookRefusal
	switch {
	case errors.As(err, &refusal):
		into = abi.Append(abi.Begin(into, abi.Refusal), abi.Reason, refusal.Reason)
		if refusal.Genuine {
			into = abi.AppendNumber(into, abi.Genuine, 1)
		}
		return into
	case err != nil:
		return appendError(into, err)
	}
	into = abi.Append(abi.Begin(into, abi.OK), abi.EventID, event.ID)
	if event.Livemode != nil {
		live := int64(0)
		if *event.Livemode {
			live = 1
		}
		into = abi.AppendNumber(into, abi.Livemode, live)
	}
	for _, flag := range event.Flags {
		into = abi.Append(into, abi.Flag, flag)
	}
	if len(event.Payload) > 0 {
		into = abi.Append(into, abi.Payload, event.Payload)
	}
	if event.IDUnsigned {
		into = abi.AppendNumber(into, abi.IDUnsigned, 1)
	}
	if event.Reply != nil {
		reply := abi.Append(abi.Begin(nil, abi.OK), abi.ContentType, event.Reply.ContentType)
		into = abi.Append(into, abi.Reply, abi.Append(reply, abi.Body, event.Reply.Body))
	}
	return abi.Append(into, abi.EventType, event.Type)
}

func (g *guest) sampleWebhook(into []byte, frame abi.Frame) []byte {
	sampler, ok := g.plugin.(WebhookSampler)
	if !ok {
		return appendError(into, notImplemented("SampleWebhook"))
	}
	request := SampleRequest{Set: make(map[string]string)}
	for tag, content := range frame.Fields() {
		switch tag {
		case abi.EventType:
			request.EventType = string(content)
		case abi.Set:
			path, value, _ := strings.Cut(string(content), "=")
			request.Set[path] = value
		case abi.Secret:
			request.Secret = string(content)
		case abi.Now:
			request.Now = time.Unix(0, abi.Number(content)).UTC()
		case abi.Chain:
			request.Chain = abi.Number(content) != 0
		}
	}
	ctx, finish := g.context(frame)
	defer finish()
	var sample Sample
	err := guard(g.logger, "SampleWebhook", func() (err error) {
		sample, err = sampler.SampleWebhook(ctx, request)
		return err
	})
	if err != nil {
		return appendError(into, err)
	}
	into = appendSample(into, sample)
	for _, before := range sample.Before {
		into = abi.Append(into, abi.Before, appendSample(nil, before))
	}
	return into
}

func appendSample(into []byte, sample Sample) []byte {
	into = abi.Begin(into, abi.OK)
	for name, value := range sample.Headers {
		into = abi.AppendPair(into, abi.Header, name, ':', value)
	}
	return abi.Append(into, abi.Body, sample.Body)
}

func (g *guest) controlSandbox(into []byte, frame abi.Frame) []byte {
	controller, ok := g.plugin.(SandboxController)
	if !ok {
		return appendError(into, notImplemented("ControlSandbox"))
	}
	var command SandboxCommand
	for tag, content := range frame.Fields() {
		switch tag {
		case abi.Action:
			command.Name = string(content)
		case abi.Body:
			command.Params = bytes.Clone(content)
		}
	}
	ctx, finish := g.context(frame)
	defer finish()
	var result json.RawMessage
	err := guard(g.logger, "ControlSandbox", func() (err error) {
		result, err = controller.ControlSandbox(ctx, command)
		return err
	})
	if err != nil {
		return appendError(into, err)
	}
	return abi.Append(abi.Begin(into, abi.OK), abi.Body, result)
}

func (g *guest) checkUses(into []byte, frame abi.Frame) []byte {
	checker, ok := g.plugin.(UseChecker)
	if !ok {
		return appendError(into, notImplemented("CheckUses"))
	}
	return exchangeJSON(g, into, frame, "CheckUses", checker.CheckUses)
}

func (g *guest) listEvents(into []byte, frame abi.Frame) []byte {
	lister, ok := g.plugin.(EventLister)
	if !ok {
		return appendError(into, notImplemented("ListEvents"))
	}
	return exchangeJSON(g, into, frame, "ListEvents", lister.ListEvents)
}

func (g *guest) syncEndpoint(into []byte, frame abi.Frame) []byte {
	syncer, ok := g.plugin.(EndpointSyncer)
	if !ok {
		return appendError(into, notImplemented("SyncEndpoint"))
	}
	return exchangeJSON(g, into, frame, "SyncEndpoint", syncer.SyncEndpoint)
}

// exchangeJSON has a method of the plugin handle a request whose body is JSON, as that
// of the response is.
func exchangeJSON[Q, A any](g *guest, into []byte, frame abi.Frame, operation string, method func(context.Context, Q) (A, error)) []byte {
	var request Q
	for tag, content := range frame.Fields() {
		if tag == abi.Body {
			if err := json.Unmarshal(content, &request); err != nil {
				return appendError(into, err)
			}
		}
	}
	ctx, finish := g.context(frame)
	defer finish()
	var response A
	err := guard(g.logger, operation, func() (err error) {
		response, err = method(ctx, request)
		return err
	})
	if err != nil {
		return appendError(into, err)
	}
	encoded, err := json.Marshal(response)
	if err != nil {
		return appendError(into, err)
	}
	return abi.Append(abi.Begin(into, abi.OK), abi.Body, encoded)
}

// appendError writes a failure. Details that are no JSON are dropped: the error
// is worth more than they are.
func appendError(into []byte, err error) []byte {
	failure := *asError(err)
	if !json.Valid(failure.Details) {
		failure.Details = nil
	}
	encoded, err := json.Marshal(&failure)
	if err != nil {
		encoded = []byte(`{"code":"internal","message":"the plugin's error cannot be written"}`)
	}
	return abi.Append(abi.Begin(into, abi.Failure), abi.Error, encoded)
}
