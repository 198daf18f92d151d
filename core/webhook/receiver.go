package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

// maxReason bounds what is taken over of a provider's reason, in bytes.
const maxReason = 300

// Receiver receives the events of one webhook. It is safe for concurrent use.
type Receiver struct {
	opt      Options
	redactor telemetry.Redactor // knows the webhook's secrets
}

// NewReceiver makes a receiver. Its errors say what is missing, without any secret.
func NewReceiver(opt Options) (*Receiver, error) {
	opt.Secrets = slices.Clone(opt.Secrets)
	if err := opt.complete(); err != nil {
		return nil, err
	}
	r := &Receiver{opt: opt}
	r.redactor.Add(opt.Secrets...)
	return r, nil
}

// Name is the webhook's name.
func (r *Receiver) Name() string { return r.opt.Intake.Webhook() }

// Path is where the sender sends to.
func (r *Receiver) Path() string { return r.opt.Path }

// MaxBodyBytes is the size of the largest body that is received.
func (r *Receiver) MaxBodyBytes() int { return r.opt.MaxBodyBytes }

// Receive verifies a request and has the intake take in its event. When it returns a
// receipt, event and run are on stable storage; a receipt without an id belongs to a
// request that is no event. Errors are those of Intake.Take, and *Refusal for a request
// that is not genuine.
func (r *Receiver) Receive(ctx context.Context, request Request) (Receipt, error) {
	receipt, err := r.receive(ctx, &request)
	r.opt.Metrics.count(r.Name(), receipt, err)
	var refusal *Refusal
	switch {
	case err == nil && receipt.ID == "":
		r.log(ctx, slog.LevelDebug, "webhook challenge replied to")
	case err == nil:
	case errors.As(err, &refusal) && refusal.Genuine:
		r.log(ctx, slog.LevelWarn, "genuine webhook event cannot be kept", "kind", string(refusal.Kind), "reason", refusal.Reason)
	case errors.As(err, &refusal):
		r.log(ctx, slog.LevelWarn, "webhook refused", "kind", string(refusal.Kind), "reason", refusal.Reason)
	default:
		r.log(ctx, slog.LevelError, "webhook could not be received", "error", r.redactor.String(err.Error()))
	}
	return receipt, err
}

func (r *Receiver) receive(ctx context.Context, request *Request) (Receipt, error) {
	if len(request.Body) > r.opt.MaxBodyBytes {
		return Receipt{}, &Refusal{Kind: RefusedTooLarge, Reason: fmt.Sprintf("the body is larger than %d bytes", r.opt.MaxBodyBytes)}
	}
	verified, err := r.verify(ctx, request)
	if err != nil {
		return Receipt{}, err
	}
	if verified.ID == "" && verified.Reply != nil {
		return Receipt{Reply: verified.Reply}, nil
	}
	payload := []byte(verified.Payload)
	if payload == nil {
		payload = request.Body
	}
	receipt, err := r.opt.Intake.Take(ctx, Arrival{
		Event: event.Event{
			ID: verified.ID, Type: verified.Type, Size: len(request.Body), Livemode: verified.Livemode, Flags: verified.Flags,
		},
		Payload: payload, Headers: request.Header, Query: request.query(), Content: verified.Content,
	})
	if err != nil {
		return Receipt{}, err
	}
	receipt.Reply = verified.Reply
	return receipt, nil
}

// verify asks the provider whether a request is genuine.
func (r *Receiver) verify(ctx context.Context, request *Request) (provider.Verified, error) {
	verified, err := r.opt.Provider.Verify(ctx, sdk.WebhookRequest{
		Method:    request.Method,
		Headers:   request.Header,
		Body:      request.Body,
		URL:       request.URL,
		Secrets:   r.opt.Secrets,
		Now:       r.opt.Now().UTC(),
		Tolerance: r.opt.Tolerance,
	})
	var refusal *sdk.WebhookRefusal
	switch {
	case errors.As(err, &refusal) && refusal.Genuine:
		return provider.Verified{}, &Refusal{Kind: RefusedEvent, Genuine: true, Reason: r.reason(refusal.Reason, "no event can be read from it")}
	case errors.As(err, &refusal):
		return provider.Verified{}, &Refusal{
			Kind: RefusedSignature, Reason: r.reason(refusal.Reason, "the signature is not valid"),
			Unauthorized: errors.As(err, new(*provider.Unauthorized)),
		}
	case err != nil:
		return provider.Verified{}, fmt.Errorf("%w: provider %s: %w", ErrUnavailable, r.opt.Provider.Name, err)
	}
	if verified.ID == "" && verified.NoID != "" {
		return provider.Verified{}, &Refusal{Kind: RefusedEvent, Genuine: true, Reason: r.reason(verified.NoID, "")}
	}
	return verified, nil
}

// reason returns a provider's reason as far as it may be shown, or another where it
// gives none: a plugin promises to name no secret, and this does not rest on it.
func (r *Receiver) reason(s, otherwise string) string {
	s = r.redactor.String(s)
	if s == "" {
		return otherwise
	}
	return strings.ToValidUTF8(s[:min(len(s), maxReason)], "")
}

func (r *Receiver) log(ctx context.Context, level slog.Level, message string, args ...any) {
	r.opt.Logger.Log(ctx, level, message, append([]any{"webhook", r.Name(), "provider", r.opt.Provider.Name}, args...)...)
}
