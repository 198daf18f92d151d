package destination

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const (
	// MaxMessage is the most bytes that a message may have as it is sent.
	MaxMessage = 1 << 20
	// maxTypeLen and maxIDLen bound the type and the id of a message.
	maxTypeLen = 128
	maxIDLen   = 128
	// keyLifetime is how long a message is known by its key at the least: a call with
	// the key sends nothing new then.
	keyLifetime = 7 * 24 * time.Hour
)

// outgoingMessage is what a caller wants to send.
type outgoingMessage struct {
	id        string
	kind      string // its type
	data      json.RawMessage
	requestID string
}

// messageID is the id of a message whose caller gives none: that of its call, so that a
// call which is made again makes no other message.
func messageID(action, key string) string {
	sum := sha256.Sum256([]byte(action + "\x00" + key))
	return "msg_" + hex.EncodeToString(sum[:16])
}

// body makes the bytes of a message (Standard Webhooks, "Payload structure"). The data
// stays as it was written.
func (m *outgoingMessage) body(at time.Time) []byte {
	body := value.AppendString([]byte(`{"type":`), m.kind)
	body = at.UTC().AppendFormat(append(body, `,"timestamp":"`...), value.TimeFormat)
	body = append(append(body, `","data":`...), m.data...)
	return append(body, '}')
}

// send makes a message to one destination durable, together with its run, unless it is
// known: then nothing is changed. The error is *sdk.Error.
func (s *Service) send(ctx context.Context, d *Destination, m outgoingMessage, at time.Time) error {
	body := m.body(at)
	if len(body) > MaxMessage {
		return sdk.Refuse(sdk.CodeInvalidParams, "the message would have %d bytes, more than the %d of one", len(body), MaxMessage)
	}
	payload, err := s.orderOf(d, m, body)
	if err != nil {
		return err
	}
	for range maxTries {
		k, err := s.condition(ctx, d.name)
		if err != nil {
			return failureOf(err)
		}
		record := delivery{Version: recordVersion, ID: m.id, Type: m.kind, At: at}
		if k.State == StateEnabled {
			err = s.start(ctx, d, m, &record, payload, body)
		} else {
			err = s.keep(ctx, d, k, &record, body)
		}
		if again := (*retryError)(nil); errors.As(err, &again) {
			continue
		}
		if errors.Is(err, errKnown) {
			return s.checkSame(ctx, d, m)
		}
		if err != nil {
			return failureOf(err)
		}
		s.metrics.messages.WithLabelValues(d.name, outcomeAccepted).Inc()
		return nil
	}
	return errBusy
}

// errKnown: the destination has a message of this id.
var errKnown = errors.New("destination: the message is known")

// retryError: what a write was made from has changed.
type retryError struct{}

func (*retryError) Error() string { return "destination: changed meanwhile" }

// start makes the message and its run in one write.
func (s *Service) start(ctx context.Context, d *Destination, m outgoingMessage, record *delivery, payload value.Doc, body []byte) error {
	record.Run = engine.NewRunID()
	_, err := s.runs.Start(ctx, engine.StartRequest{
		ID: record.Run, Workflow: WorkflowID(d.name), RequestID: m.requestID,
		Roots: map[string]value.Doc{"payload": payload},
		Once: engine.Once{
			Bucket: layout.BucketDelivery, Key: recordID(d.name, m.id), Value: encode(record),
			Index: []engine.IndexEntry{{Set: messagesOf(d.name), Member: record.member()}},
		},
		Beside: []state.Op{state.Put(layout.BucketMessage, recordID(d.name, m.id), body, 0)},
	})
	if errors.Is(err, engine.ErrDuplicate) {
		return errKnown
	}
	return err
}

// keep makes a message of a destination that takes none at present: it is held.
func (s *Service) keep(ctx context.Context, d *Destination, k known, record *delivery, body []byte) error {
	record.Held, record.Reason = true, k.Reason
	id := recordID(d.name, record.ID)
	ops := []state.Op{
		state.Insert(layout.BucketDelivery, id, encode(record), 0), state.Put(layout.BucketMessage, id, body, 0),
		state.Add(messagesOf(d.name), record.member()), state.Add(heldOf(d.name), record.member()),
	}
	if k.State == StateReleasing { // so that the release does not end without it
		ops = append(ops, k.replace(d.name, k.condition)...)
	} else {
		ops = append(ops, k.unchanged(d.name)...)
	}
	again, err := s.commit(ctx, ops...)
	switch conflict, ok := errors.AsType[*state.ConflictError](err); {
	case ok && conflict.Failed(state.Insert(layout.BucketDelivery, id, nil, 0)):
		return errKnown
	case again:
		return &retryError{}
	case err != nil:
		return err
	}
	s.metrics.messages.WithLabelValues(d.name, outcomeHeld).Inc()
	s.wakeup.Wake()
	return nil
}

// orderOf returns the root of a message's run: its id and type, and its place in the
// order of the destination.
func (s *Service) orderOf(d *Destination, m outgoingMessage, body []byte) (value.Doc, error) {
	root := map[string]any{"message": m.id, "type": m.kind}
	if d.order != nil {
		key, err := d.order.Render(template.Docs{
			"type": value.TrustedDoc(value.AppendString(nil, m.kind)), "data": value.TrustedDoc(m.data), "payload": value.TrustedDoc(body),
		})
		if err == nil { // a message without the key is in the order of those without
			root["order"] = key
		}
	}
	doc, err := value.Marshal(root)
	if err != nil {
		return value.Doc{}, sdk.Refuse(sdk.CodeInvalidParams, "the key of its order: %v", err)
	}
	return value.TrustedDoc(doc), nil
}

// checkSame returns an error for a message whose id another message has.
func (s *Service) checkSame(ctx context.Context, d *Destination, m outgoingMessage) error {
	id := recordID(d.name, m.id)
	found, err := s.store.Get(ctx, state.Ref{Bucket: layout.BucketDelivery, ID: id}, state.Ref{Bucket: layout.BucketMessage, ID: id})
	if err != nil {
		return failureOf(err)
	}
	first, err := readDelivery(found[0])
	if err != nil {
		return failureOf(err)
	}
	if first == nil || found[1] == nil || !bytes.Equal(found[1], m.body(first.At)) {
		return sdk.Refuse(sdk.CodeConflict, "the destination %s has another message of the id %s", d.name, m.id)
	}
	return nil
}

// addressed is one message of those that were published.
type addressed struct {
	Destination string `json:"destination"`
	ID          string `json:"id"`
}

// publish sends a message to all destinations that want its type. To which it goes is
// decided, and written down, by the first call with its id.
func (s *Service) publish(ctx context.Context, m outgoingMessage) ([]addressed, error) {
	now := s.current.Load()
	p := publication{Version: recordVersion, At: s.now().UTC().Truncate(time.Microsecond), Sum: m.sum()}
	for _, name := range now.names {
		if now.byName[name].wants(m.kind) {
			p.Destinations = append(p.Destinations, name)
		}
	}
	if again, err := s.commit(ctx, state.Insert(layout.BucketPublication, m.id, encode(p), keyLifetime)); again {
		found, err := s.store.Get(ctx, state.Ref{Bucket: layout.BucketPublication, ID: m.id})
		if err != nil {
			return nil, failureOf(err)
		}
		first := publication{}
		if err := json.Unmarshal(found[0], &first); err != nil || !bytes.Equal(first.Sum, p.Sum) {
			return nil, sdk.Refuse(sdk.CodeConflict, "another message was published with the id %s", m.id)
		}
		p = first
	} else if err != nil {
		return nil, failureOf(err)
	}
	sent := make([]addressed, 0, len(p.Destinations))
	for _, name := range p.Destinations {
		d := now.byName[name]
		if d == nil {
			continue // the config has it no more
		}
		if err := s.send(ctx, d, m, p.At); err != nil {
			return nil, err
		}
		sent = append(sent, addressed{name, m.id})
	}
	return sent, nil
}

// sum is a digest of what a message says.
func (m *outgoingMessage) sum() []byte {
	sum := sha256.Sum256(append(value.AppendString(nil, m.kind), m.data...))
	return sum[:]
}
