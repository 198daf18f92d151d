package webhook

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/state/memory"
)

// takesAll is a Starter that does nothing.
type takesAll struct{}

func (takesAll) Start(_ context.Context, request engine.StartRequest) (engine.Run, error) {
	return engine.Run{ID: request.ID}, nil
}

// BenchmarkReceive is what a receiver itself costs, with an HMAC over 2 KiB: nothing is
// stored.
func BenchmarkReceive(b *testing.B) {
	h := newHarness(b)
	opt := h.options()
	opt.Logger = nil
	var err error
	if opt.Intake, err = NewIntake(IntakeOptions{
		Webhook: "stripe-events", Provider: "stripe", Starter: takesAll{}, Events: event.NewLog(memory.New(memory.Options{})),
	}); err != nil {
		b.Fatal(err)
	}
	r, err := NewReceiver(opt)
	if err != nil {
		b.Fatal(err)
	}
	d := h.send(secret, fmt.Sprintf(`{"id":"evt_1","type":"paid","data":{"object":{"id":"pi_1","amount":2000,"of":%q}}}`, strings.Repeat("x", 1950)))
	request := Request{Method: "POST", Header: d.headers, Body: d.body, URL: "/webhooks/stripe"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Receive(b.Context(), request); err != nil {
			b.Fatal(err)
		}
	}
}
