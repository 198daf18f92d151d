package wasm

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

// forever is a loop without end.
const forever = "\x03\x40\x0c\x00\x0b"

// ample is more time than any call of the tests takes, on the slowest machine.
const ample = 2 * time.Minute

// launchHandmade launches a guest that is closed at the test's end.
func launchHandmade(t *testing.T, h handmade) (plugin.Instance, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hostile.wasm")
	if err := os.WriteFile(file, h.module(), 0o600); err != nil {
		t.Fatal(err)
	}
	launcher := NewLauncher("")
	spec := plugin.Spec{Name: "hostile", Path: file, MemoryLimitMiB: 256}
	ctx, cancel := context.WithTimeout(t.Context(), ample)
	defer cancel()
	if h.init == forever {
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
		guest handmade
		want  sdk.Error
	}{
		"a trap":                  {handmade{call: "\x00"}, failed("wasm error: unreachable")},
		"division by zero":        {handmade{call: i32(1) + i32(0) + "\x6d\xad"}, failed("wasm error: integer divide by zero")},
		"recursion without end":   {handmade{call: i32(0) + callItself}, failed("stack overflow")},
		"a loop without end":      {handmade{call: forever + i64(0)}, sdk.Error{Code: sdk.CodeTimeout, Message: "no answer to greet in time", Retryable: true}},
		"memory without end":      {handmade{call: "\x03\x40" + i32(1) + "\x40\x00\x1a\x0c\x00\x0b" + i64(0)}, sdk.Error{Code: sdk.CodeTimeout, Message: "no answer to greet in time", Retryable: true}},
		"an answer of 100 MB":     {handmade{call: answering(1024, 100<<20), pages: 1700}, sdk.Error{Code: sdk.CodeResultTooLarge, Message: "the answer has 104857600 bytes"}},
		"an answer outside":       {handmade{call: answering(65536, 8)}, failed("the answer is outside of its memory")},
		"an answer partly there":  {handmade{call: answering(65535, 2)}, failed("the answer is outside of its memory")},
		"an answer of nothing":    {handmade{call: i64(0)}, failed("abi: ")},
		"a torn answer":           {handmade{data: text(abi.OK)[:7]}, failed("abi: ")},
		"an unknown kind":         {handmade{data: text(99)}, failed("the answer is of the unknown kind 99")},
		"a refusal of an action":  {handmade{data: text(abi.Refusal)}, failed("the answer to Execute is of another kind")},
		"a failure without error": {handmade{data: text(abi.Failure)}, failed("its error cannot be read")},
		"a buffer outside":        {handmade{alloc: i32(-8), data: text(abi.OK)}, failed("the buffer for requests is outside of its memory")},
		"a log record outside":    {handmade{call: i32(65530) + i32(100) + callLog + i64(0)}, failed("a host call names memory that is not there")},
		"a request outside":       {handmade{call: i32(65530) + i32(100) + callSend + "\xad"}, failed("a host call names memory that is not there")},
		"a request of garbage":    {handmade{call: i32(1024) + i32(3) + callSend + "\xad", data: []byte("abc")}, failed("abi: ")},
		"a response never sent":   {handmade{call: i32(1024) + callReceive + i64(0)}, failed("http_receive without a response")},
	} {
		t.Run(name, func(t *testing.T) {
			i, err := launchHandmade(t, c.guest)
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
		guest handmade
		want  string
	}{
		"another version":     {handmade{version: i32(7)}, "the plugin speaks version 7 of the plugin ABI, this gateway version 1; the gateway is too old for it"},
		"a trap at the start": {handmade{init: "\x00"}, "the plugin's guest failed in the start: "},
		"a start without end": {handmade{init: forever}, "no answer to the start in time"},
		"too much memory":     {handmade{pages: 5000}, "compile: "},
		"HTTP at the start":   {handmade{init: i32(1024) + callReceive}, "http_receive without a response"},
	} {
		if _, err := launchHandmade(t, c.guest); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
