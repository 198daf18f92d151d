package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
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
	r.redactor.Add(opt.Provider.Challenge.VerifyToken)
	return r, nil
}

// Name is the webhook's name.
func (r *Receiver) Name() string { return r.opt.Intake.Webhook() }

// Path is where the sender sends to.
func (r *Receiver) Path() string { return r.opt.Path }

// MaxBodyBytes is the size of the largest body that is received.
func (r *Receiver) MaxBodyBytes() int { return r.opt.MaxBodyBytes }

// Methods are those at which the sender is served.
func (r *Receiver) Methods() []string {
	methods := []string{http.MethodPost}
	for _, method := range r.opt.Provider.Methods {
		if !slices.Contains(methods, method) {
			methods = append(methods, method)
		}
	}
	return methods
}

// Responds returns status and content type of the response of the config to an event; 0
// where that gives none.
func (r *Receiver) Responds() (status int, contentType string) {
	if r.opt.Respond == nil {
		return 0, ""
	}
	return r.opt.Respond.status, r.opt.Respond.contentType
}

// Refused returns the webhook's refused requests: see Refusals.List.
func (r *Receiver) Refused(before int64, limit int) (page []RefusedRequest, more bool) {
	if r.opt.Refusals == nil {
		return nil, false
	}
	return r.opt.Refusals.List(r.Name(), before, limit)
}

// RefusedRequest returns the refused request of a number: see Refusals.Get.
func (r *Receiver) RefusedRequest(number int64) (request RefusedRequest, ok bool) {
	if r.opt.Refusals == nil {
		return RefusedRequest{}, false
	}
	return r.opt.Refusals.Get(r.Name(), number)
}

// RefuseTooLarge counts, logs and remembers a request whose body was not read since it
// is larger than MaxBodyBytes. The bytes are those of the body, as far as is known.
func (r *Receiver) RefuseTooLarge(ctx context.Context, request Request, bytes int64) {
	refusal := r.tooLarge()
	r.opt.Metrics.count(r.Name(), Receipt{}, refusal)
	r.log(ctx, slog.LevelWarn, "webhook refused", "kind", string(refusal.Kind), "reason", refusal.Reason)
	refused := refusedRequest(&request, refusal, r.opt.Now(), telemetry.RequestID(ctx))
	refused.BodyBytes = bytes
	r.opt.Refusals.add(r.Name(), refused)
}

func (r *Receiver) tooLarge() *Refusal {
	return &Refusal{Kind: RefusedTooLarge, Reason: fmt.Sprintf("the body is larger than %d bytes", r.opt.MaxBodyBytes)}
}

// Receive verifies a request and has the intake take in its event. When it returns a
// receipt, event and run are on stable storage; a receipt without an id belongs to a
// request that is no event. Errors are those of Intake.Take, and *Refusal for a request
// that is not genuine.
func (r *Receiver) Receive(ctx context.Context, request Request) (Receipt, error) {
	receipt, err := r.receive(ctx, &request)
	r.opt.Metrics.count(r.Name(), receipt, err)
	var refusal *Refusal
	if errors.As(err, &refusal) && r.opt.Refusals != nil {
		refused := refusedRequest(&request, refusal, r.opt.Now(), telemetry.RequestID(ctx))
		if r.opt.KeepRefused {
			refused.Kept = r.keptRequest(&request)
		}
		r.opt.Refusals.add(r.Name(), refused)
	}
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
		return Receipt{}, r.tooLarge()
	}
	verified, err := r.verify(ctx, request)
	if err != nil {
		return Receipt{}, err
	}
	if verified.ID == "" && verified.NoID != "" {
		return Receipt{}, &Refusal{Kind: RefusedEvent, Genuine: true, Reason: r.reason(verified.NoID, "")}
	}
	if verified.ID == "" && verified.Reply != nil {
		return Receipt{Reply: safeReply(verified.Reply)}, nil
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
	if r.opt.Respond != nil {
		receipt.Reply = r.respond(ctx, receipt.ID, request, payload)
	}
	if receipt.Reply == nil {
		receipt.Reply = safeReply(verified.Reply)
	}
	return receipt, nil
}

// respond makes the response of the config to an event that is stored; nil where it
// cannot be made of the event: the sender is not to send it again for that.
func (r *Receiver) respond(ctx context.Context, id string, request *Request, payload []byte) *provider.Reply {
	document, err := value.ParseDoc(payload)
	var reply *provider.Reply
	if err == nil {
		reply, err = r.opt.Respond.reply(template.Docs{
			"payload": document, "headers": headersRoot(request.Header), "query": queryRoot(request.query()),
		})
	}
	if err != nil {
		r.log(ctx, slog.LevelWarn, "the response to a webhook event cannot be made, and that of a webhook without respond is sent", "event", id, "error", r.redactor.String(err.Error()))
	}
	return reply
}

// verify asks the provider whether a request is genuine.
func (r *Receiver) verify(ctx context.Context, request *Request) (provider.Verified, error) {
	method := request.Method
	if method == http.MethodHead && !slices.Contains(r.opt.Provider.Methods, http.MethodHead) {
		method = http.MethodGet // of which it is the head alone (RFC 9110 section 9.3.2)
	}
	verified, err := r.opt.Provider.Verify(ctx, sdk.WebhookRequest{
		Method:    method,
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
