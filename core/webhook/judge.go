package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/sdk/value"
)

// JudgeOptions are what a request is judged by. Provider and Secrets are required.
type JudgeOptions struct {
	Provider provider.Provider
	// Secrets, Filter and MaxBodyBytes are those of Options and IntakeOptions.
	Secrets      []string
	Filter       *Filter
	MaxBodyBytes int
	// Now is when the request came.
	Now time.Time
}

// Judgement is what would become of a request.
type Judgement struct {
	// Refusal says why it would be refused; nil is that it would be accepted.
	Refusal *Refusal
	// Secret is the position, from 1, of the secret that it is signed with; 0 where it
	// is not genuine.
	Secret int
	// ID and Type are those of its event. NoID says why it has no id, where its sender
	// has to give one: nothing could be stored of it.
	ID, Type, NoID string
	// Challenge: it is no event, and would be replied to.
	Challenge bool
	// Filtered: the filter does not let it through. FilterError says why that cannot be
	// told.
	Filtered    bool
	FilterError string
	// Flags are those of the event.
	Flags []string
}

// Judge says what would become of a request, and does nothing. Whether the event is
// known already cannot be told. The error is that the check could not be made.
func Judge(ctx context.Context, o JudgeOptions, request Request) (Judgement, error) {
	if err := checkSecrets(o.Secrets); err != nil {
		return Judgement{}, fmt.Errorf("webhook: %w", err)
	}
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = DefaultMaxBodyBytes
	}
	with := func(secrets ...string) *Receiver {
		r := &Receiver{opt: Options{
			Provider: o.Provider, Secrets: secrets, Tolerance: DefaultTolerance, MaxBodyBytes: o.MaxBodyBytes,
			Now: func() time.Time { return o.Now }, Logger: slog.New(slog.DiscardHandler),
		}}
		r.redactor.Add(o.Secrets...)
		return r
	}
	r := with(o.Secrets...)
	var j Judgement
	if len(request.Body) > o.MaxBodyBytes {
		j.Refusal = r.tooLarge()
		return j, nil
	}
	verified, err := r.verify(ctx, &request)
	genuine := err == nil || errors.As(err, &j.Refusal) && j.Refusal.Genuine
	if err != nil && j.Refusal == nil {
		return Judgement{}, err
	}
	for i, secret := range o.Secrets {
		if !genuine || j.Secret > 0 {
			break
		}
		var refusal *Refusal
		if _, err := with(secret).verify(ctx, &request); err == nil || errors.As(err, &refusal) && refusal.Genuine {
			j.Secret = i + 1
		}
	}
	if j.Refusal != nil {
		return j, nil
	}
	j.ID, j.Type, j.Flags = verified.ID, verified.Type, keptFlags(verified.Flags)
	if verified.ID == "" {
		if j.Challenge = verified.Reply != nil; j.Challenge {
			return j, nil
		}
		if j.NoID = r.reason(verified.NoID, ""); j.NoID == "" {
			j.NoID = "the event has no id"
		}
	}
	j.judgeEvent(o, verified, &request)
	return j, nil
}

// judgeEvent judges what is in a genuine request, as an intake does.
func (j *Judgement) judgeEvent(o JudgeOptions, verified provider.Verified, request *Request) {
	payload := []byte(verified.Payload)
	if payload == nil {
		payload = request.Body
	}
	document, err := value.ParseDoc(payload)
	if err != nil {
		j.Refusal = notJSON(err)
		return
	}
	for what, word := range map[string]string{"id": j.ID, "type": j.Type} {
		if err := checkWord(what, word, true); err != nil {
			errors.As(err, &j.Refusal)
			return
		}
	}
	seen := roots(event.Event{
		ID: j.ID, Type: j.Type, ReceivedAt: o.Now.UTC(), Livemode: verified.Livemode, Flags: j.Flags,
	}, document, request.Header, request.query())
	size := 0
	for _, root := range seen {
		size += len(root.Raw())
	}
	if size > engine.MaxInput {
		j.Refusal = largerThanARun()
		return
	}
	passes, err := o.Filter.passes(j.Type, seen)
	if err != nil {
		j.FilterError = err.Error()
	} else {
		j.Filtered = !passes
	}
}
