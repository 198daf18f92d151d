package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const (
	// MaxIDLen bounds the id and the type of an event, in bytes.
	MaxIDLen = 512
	// maxReason bounds what is taken over of a provider's reason, in bytes.
	maxReason = 300
	// sweepEvery is after how many accepted events the old ones are swept. A sweep
	// removes more than that, so the lists stay within what is kept.
	sweepEvery = 64
)

// Receiver receives the events of one webhook. It is safe for concurrent use.
type Receiver struct {
	opt      Options
	redactor telemetry.Redactor // knows the webhook's secrets

	accepted atomic.Int64 // events, for the sweep
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
func (r *Receiver) Name() string { return r.opt.Name }

// Path is where the sender sends to.
func (r *Receiver) Path() string { return r.opt.Path }

// MaxBodyBytes is the size of the largest body that is received.
func (r *Receiver) MaxBodyBytes() int { return r.opt.MaxBodyBytes }

// Receipt says what became of an event that is stored.
type Receipt struct {
	// ID is the sender's id of the event.
	ID string
	// Duplicate: the event had been received before; nothing was started.
	Duplicate bool
	// RunID is the run of the event's actions, also for a duplicate; empty
	// where it could not be read.
	RunID string
	// Reply is what the sender expects as response; nil is the gateway's own.
	Reply *provider.Reply
}

// Receive verifies a request and, unless its event is known, stores the event
// together with the run of its actions. When it returns a receipt, both are on
// stable storage; a receipt without an id belongs to a request that is no event.
// body is the raw body. It is kept and must not change any more. url is the
// address that the sender used, empty where unknown.
//
// Errors: *Refusal; those that match ErrUnavailable, after which the event may or
// may not have been stored, so that a repeat is a duplicate or the first; any
// other is a fault of the gateway.
func (r *Receiver) Receive(ctx context.Context, headers http.Header, body []byte, url string) (Receipt, error) {
	receipt, err := r.receive(ctx, headers, body, url)
	r.opt.Metrics.count(r.opt.Name, receipt, err)
	var refusal *Refusal
	switch {
	case err == nil && receipt.ID == "":
		r.log(ctx, slog.LevelDebug, "webhook challenge replied to")
	case err == nil && receipt.Duplicate:
		r.log(ctx, slog.LevelDebug, "webhook event received again", "event", receipt.ID)
	case err == nil:
		r.log(ctx, slog.LevelDebug, "webhook event received", "event", receipt.ID, "run", receipt.RunID)
		if r.accepted.Add(1)%sweepEvery == 1 {
			if err := r.opt.Events.Sweep(ctx, r.opt.Now()); err != nil { // a later event tries again
				r.log(ctx, slog.LevelWarn, "old webhook events could not be removed", "error", err.Error())
			}
		}
	case errors.As(err, &refusal) && refusal.Genuine:
		r.log(ctx, slog.LevelWarn, "genuine webhook event cannot be kept", "kind", string(refusal.Kind), "reason", refusal.Reason)
	case errors.As(err, &refusal):
		r.log(ctx, slog.LevelWarn, "webhook refused", "kind", string(refusal.Kind), "reason", refusal.Reason)
	default:
		r.log(ctx, slog.LevelError, "webhook could not be received", "error", r.redactor.String(err.Error()))
	}
	return receipt, err
}

func (r *Receiver) receive(ctx context.Context, headers http.Header, body []byte, url string) (Receipt, error) {
	if len(body) > r.opt.MaxBodyBytes {
		return Receipt{}, &Refusal{Kind: RefusedTooLarge, Reason: fmt.Sprintf("the body is larger than %d bytes", r.opt.MaxBodyBytes)}
	}
	now := r.opt.Now().UTC()
	verified, err := r.verify(ctx, now, headers, body, url)
	if err != nil {
		return Receipt{}, err
	}
	if verified.ID == "" { // verify lets a reply alone pass
		return Receipt{Reply: verified.Reply}, nil
	}
	document := []byte(verified.Payload)
	if document == nil {
		document = body
	}
	// What is stored is only ever rendered from. So a body that templates could
	// not read is refused here, where the sender's operators see it.
	payload, err := value.ParseDoc(document)
	if err != nil {
		return Receipt{}, &Refusal{Kind: RefusedNotJSON, Genuine: true, Reason: "the body is not JSON: " + err.Error()}
	}
	e := event.Event{
		ID:         verified.ID,
		Type:       verified.Type,
		Webhook:    r.opt.Name,
		RunID:      r.opt.NewRunID(),
		ReceivedAt: now.Truncate(time.Millisecond),
		Size:       len(body),
		Livemode:   verified.Livemode,
		Flags:      keptFlags(verified.Flags),
	}
	receipt, err := r.store(ctx, e, headers, payload)
	if err != nil {
		return receipt, err
	}
	if len(e.Flags) > 0 && !receipt.Duplicate {
		r.log(ctx, slog.LevelWarn, "a genuine webhook event is odd: it is kept, and its actions run", "event", e.ID, "type", e.Type, "run", e.RunID, "flags", e.Flags)
	}
	receipt.Reply = verified.Reply
	return receipt, nil
}

// verify asks the provider whether a request is genuine.
func (r *Receiver) verify(ctx context.Context, now time.Time, headers http.Header, body []byte, url string) (provider.Verified, error) {
	verified, err := r.opt.Provider.Verify(ctx, sdk.WebhookRequest{
		Headers:   headers,
		Body:      body,
		URL:       url,
		Secrets:   r.opt.Secrets,
		Now:       now,
		Tolerance: r.opt.Tolerance,
	})
	var refusal *sdk.WebhookRefusal
	switch {
	case errors.As(err, &refusal) && refusal.Genuine:
		return provider.Verified{}, &Refusal{Kind: RefusedEvent, Genuine: true, Reason: r.reason(refusal.Reason, "no event can be read from it")}
	case errors.As(err, &refusal):
		return provider.Verified{}, &Refusal{Kind: RefusedSignature, Reason: r.reason(refusal.Reason, "the signature is not valid")}
	case err != nil:
		return provider.Verified{}, fmt.Errorf("%w: provider %s: %w", ErrUnavailable, r.opt.Provider.Name, err)
	}
	if err := checkWord("id", verified.ID, verified.Reply != nil); err != nil {
		return provider.Verified{}, err
	}
	return verified, checkWord("type", verified.Type, true)
}

// checkWord returns an error for an id or a type that cannot be kept.
func checkWord(what, s string, mayBeEmpty bool) error {
	switch {
	case s == "" && !mayBeEmpty:
		return &Refusal{Kind: RefusedEvent, Genuine: true, Reason: "the event has no " + what}
	case len(s) > MaxIDLen:
		return &Refusal{Kind: RefusedEvent, Genuine: true, Reason: fmt.Sprintf("the event's %s has %d bytes, at most %d are kept", what, len(s), MaxIDLen)}
	case !utf8.ValidString(s):
		return &Refusal{Kind: RefusedEvent, Genuine: true, Reason: "the event's " + what + " is not valid UTF-8"}
	default:
		return nil
	}
}

// maxFlags and maxFlag bound the flags of an event, in number and in bytes.
const (
	maxFlags = 16
	maxFlag  = 64
)

// keptFlags returns the flags that can be kept: each once, and words.
func keptFlags(flags []string) []string {
	var kept []string
	for _, flag := range flags {
		isWord := flag != "" && len(flag) <= maxFlag && !strings.ContainsFunc(flag, func(c rune) bool {
			return c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
		})
		if isWord && len(kept) < maxFlags && !slices.Contains(kept, flag) {
			kept = append(kept, flag)
		}
	}
	return kept
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

// store makes event and run in one write.
func (r *Receiver) store(ctx context.Context, e event.Event, headers http.Header, payload value.Doc) (Receipt, error) {
	_, err := r.opt.Starter.Start(ctx, engine.StartRequest{
		ID:        e.RunID,
		Workflow:  WorkflowID(e.Webhook),
		Roots:     roots(e, payload, headers),
		RequestID: telemetry.RequestID(ctx),
		StartedBy: engine.Initiator{Webhook: e.Webhook, Event: e.ID},
		Once:      e.Once(),
	})
	if err == nil {
		return Receipt{ID: e.ID, RunID: e.RunID}, nil
	}
	if duplicate, ok := errors.AsType[*engine.DuplicateError](err); ok {
		if duplicate.Value == nil { // it expired since, or could not be fetched
			return Receipt{ID: e.ID, Duplicate: true}, nil
		}
		first, err := event.Decode(duplicate.Value)
		if err != nil {
			// Whether the event was received cannot be told: the sender is to repeat it.
			return Receipt{}, fmt.Errorf("webhook: event %s: %w", e.ID, err)
		}
		return Receipt{ID: e.ID, Duplicate: true, RunID: first.RunID}, nil
	}
	if errors.Is(err, engine.ErrTooLarge) {
		return Receipt{}, &Refusal{Kind: RefusedTooLarge, Genuine: true, Reason: fmt.Sprintf("the event is larger than the %d bytes that a run takes", engine.MaxInput)}
	}
	for _, passing := range []error{
		engine.ErrUnavailable, engine.ErrClosed, engine.ErrStopped, engine.ErrOverloaded, context.Canceled, context.DeadlineExceeded,
		engine.ErrFenced, // the process that follows this one will receive the event
	} {
		if errors.Is(err, passing) {
			return Receipt{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return Receipt{}, fmt.Errorf("webhook: start run: %w", err)
}

func (r *Receiver) log(ctx context.Context, level slog.Level, message string, args ...any) {
	r.opt.Logger.Log(ctx, level, message, append([]any{"webhook", r.opt.Name, "provider", r.opt.Provider.Name}, args...)...)
}
