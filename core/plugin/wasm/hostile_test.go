package wasm

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/wasm/internal/wasmtest"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

// forever is a loop without end.
const forever = "\x03\x40\x0c\x00\x0b"

// ample is more time than any call of the tests takes, on the slowest machine.
const ample = 2 * time.Minute

// launchModule launches a guest that is closed at the test's end.
func launchModule(t *testing.T, m wasmtest.Module) (plugin.Instance, error) {
	t.Helper()
	launcher := NewLauncher("")
	spec := plugin.Spec{Name: "hostile", Path: writeModule(t, m.Bytes()), MemoryLimitMiB: 256}
	ctx, cancel := context.WithTimeout(t.Context(), ample)
	defer cancel()
	if m.Init == forever {
		ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
	}
	t.Cleanup(func() {
		if err := launcher.Close(); err != nil {
			t.Error(err)
		}
	})
	i, err := launcher.Launch(ctx, spec, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Cleanup(func() {
			if err := i.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	return i, err
}

// What a guest can do that no SDK would.
func TestGuestThatBreaksTheABIIsThrownAway(t *testing.T) {
	text := func(kind abi.Kind) []byte { return abi.Append(abi.Begin(nil, kind), abi.Body, `{}`) }
	lost := sdk.Error{Code: sdk.CodeUnavailable, Retryable: true}
	failed := func(message string) sdk.Error {
		e := lost
		e.Message = "the plugin's guest failed in greet: " + message
		return e
	}
	for name, c := range map[string]struct {
		guest wasmtest.Module
		want  sdk.Error
	}{
		"a trap":                  {wasmtest.Module{Call: "\x00"}, failed("wasm error: unreachable")},
		"division by zero":        {wasmtest.Module{Call: wasmtest.I32(1) + wasmtest.I32(0) + "\x6d\xad"}, failed("wasm error: integer divide by zero")},
		"recursion without end":   {wasmtest.Module{Call: wasmtest.I32(0) + wasmtest.CallItself}, failed("stack overflow")},
		"a loop without end":      {wasmtest.Module{Call: forever + wasmtest.I64(0)}, sdk.Error{Code: sdk.CodeTimeout, Message: "no answer to greet in time", Retryable: true}},
		"memory without end":      {wasmtest.Module{Call: "\x03\x40" + wasmtest.I32(1) + "\x40\x00\x1a\x0c\x00\x0b" + wasmtest.I64(0)}, sdk.Error{Code: sdk.CodeTimeout, Message: "no answer to greet in time", Retryable: true}},
		"an answer of 100 MB":     {wasmtest.Module{Call: wasmtest.Return(1024, 100<<20), Pages: 1700}, sdk.Error{Code: sdk.CodeResultTooLarge, Message: "the answer has 104857600 bytes"}},
		"an answer outside":       {wasmtest.Module{Call: wasmtest.Return(65536, 8)}, failed("the answer is outside of its memory")},
		"an answer partly there":  {wasmtest.Module{Call: wasmtest.Return(65535, 2)}, failed("the answer is outside of its memory")},
		"an answer of nothing":    {wasmtest.Module{Call: wasmtest.I64(0)}, failed("abi: ")},
		"a torn answer":           {wasmtest.Module{Data: text(abi.OK)[:7]}, failed("abi: ")},
		"an unknown kind":         {wasmtest.Module{Data: text(99)}, failed("the answer is of the unknown kind 99")},
		"a refusal of an action":  {wasmtest.Module{Data: text(abi.Refusal)}, failed("the answer to Execute is of another kind")},
		"a failure without error": {wasmtest.Module{Data: text(abi.Failure)}, failed("its error cannot be read")},
		"a buffer outside":        {wasmtest.Module{Alloc: wasmtest.I32(-8), Data: text(abi.OK)}, failed("the buffer for requests is outside of its memory")},
		"a log record outside":    {wasmtest.Module{Call: wasmtest.I32(65530) + wasmtest.I32(100) + wasmtest.CallLog + wasmtest.I64(0)}, failed("a host call names memory that is not there")},
		"a request outside":       {wasmtest.Module{Call: wasmtest.I32(65530) + wasmtest.I32(100) + wasmtest.CallSend + "\xad"}, failed("a host call names memory that is not there")},
		"a request of garbage":    {wasmtest.Module{Call: wasmtest.I32(1024) + wasmtest.I32(3) + wasmtest.CallSend + "\xad", Data: []byte("abc")}, failed("abi: ")},
		"a response never sent":   {wasmtest.Module{Call: wasmtest.I32(1024) + wasmtest.CallReceive + wasmtest.I64(0)}, failed("http_receive without a response")},
	} {
		t.Run(name, func(t *testing.T) {
			i, err := launchModule(t, c.guest)
			if err != nil {
				t.Fatal(err)
			}
			timeout := ample
			if c.want.Code == sdk.CodeTimeout {
				timeout = 100 * time.Millisecond
			}
			// The second call gets a guest of its own, and the same answer.
			for range 2 {
				_, err := i.Execute(t.Context(), time.Now().Add(timeout), sdk.Call{Action: "greet", Params: []byte(`{}`)})
				var e *sdk.Error
				if !errors.As(err, &e) || e.Code != c.want.Code || e.Retryable != c.want.Retryable ||
					e.Outcome != sdk.OutcomeUnknown || !strings.HasPrefix(e.Message, c.want.Message) {
					t.Errorf("got %#v", err)
				}
			}
		})
	}
}

func TestGuestThatDoesNotStartSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		guest wasmtest.Module
		want  string
	}{
		"another version":     {wasmtest.Module{Version: wasmtest.I32(7)}, "the plugin speaks version 7 of the plugin ABI, this gateway version 1; the gateway is too old for it"},
		"a trap at the start": {wasmtest.Module{Init: "\x00"}, "the plugin's guest failed in the start: "},
		"a start without end": {wasmtest.Module{Init: forever}, "no answer to the start in time"},
		"too much memory":     {wasmtest.Module{Pages: 5000}, "compile: "},
		"HTTP at the start":   {wasmtest.Module{Init: wasmtest.I32(1024) + wasmtest.CallReceive}, "http_receive without a response"},
	} {
		if _, err := launchModule(t, c.guest); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
