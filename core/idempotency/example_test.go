package idempotency_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
)

// held is the lease of the only process, which keeps it.
type held string

func (h held) ID() string      { return string(h) }
func (h held) Fence() state.Op { return state.Require("lease", string(h)) }

func (h held) Alive(_ context.Context, id string) (bool, error) { return id == string(h), nil }

// A handler begins before the effect, heeds Repeated, and settles by what is
// known of the outcome.
func Example() {
	ctx := context.Background()
	store := memory.New(memory.Options{})
	if err := store.Commit(ctx, state.Put("lease", "process-1", []byte("{}"), 0)); err != nil {
		fmt.Println(err)
		return
	}
	ledger := idempotency.New(store, held("process-1"), idempotency.Options{})
	scope := idempotency.Scope{Caller: "token:shop", Method: "POST", Path: "/payments", Key: "order-17"}
	fingerprint := idempotency.FingerprintOf("POST", "/payments", "", []byte(`{"amount":2000}`))

	handle := func(repeatable bool, act func(key string) (body string, known bool)) {
		entry, err := ledger.Begin(ctx, scope, fingerprint)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer entry.Release()
		if stored, ok := entry.Replay(); ok {
			fmt.Printf("replayed: %s\n", stored.Body)
			return
		}
		if entry.Repeated() && !repeatable {
			fmt.Println("outcome unknown, kept:", entry.KeepUnknown(ctx))
			return
		}
		body, known := act(entry.UpstreamKey())
		switch {
		case known:
			fmt.Println("done:", entry.Complete(ctx, idempotency.Response{Status: http.StatusOK, Body: []byte(body)}))
		case repeatable:
			fmt.Println("to be repeated:", entry.RepeatLater(ctx))
		default:
			fmt.Println("outcome unknown, kept:", entry.KeepUnknown(ctx))
		}
	}
	handle(true, func(string) (string, bool) { return "", false }) // the response was lost
	handle(true, func(string) (string, bool) { return "pi_1", true })
	handle(true, func(string) (string, bool) { return "pi_2", true })
	// Output:
	// to be repeated: <nil>
	// done: <nil>
	// replayed: pi_1
}
