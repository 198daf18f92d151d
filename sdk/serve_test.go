//go:build !wasip1

package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a plugin whose Execute is a function.
type script func(ctx context.Context, call Call) (Result, error)

func (script) Manifest() Manifest                                       { return Manifest{} }
func (script) Configure(context.Context, Config) error                  { return nil }
func (s script) Execute(ctx context.Context, call Call) (Result, error) { return s(ctx, call) }

func execute(ctx context.Context, logger *slog.Logger, timeout time.Duration, run script) *pluginv1.ExecuteResponse {
	var response pluginv1.ExecuteResponse
	newServer(run, logger, nil).execute(ctx, &pluginv1.ExecuteRequest{Action: "do", RequestId: "req_1", TimeoutNanos: int64(timeout)}, &response)
	return &response
}

var silent = slog.New(slog.DiscardHandler)

func TestContextOfACallEndsWithIt(t *testing.T) {
	cases := map[string]struct {
		timeout time.Duration
		run     func(ctx context.Context) error
	}{
		"no deadline": {0, func(ctx context.Context) error {
			if _, ok := ctx.Deadline(); ok || ctx.Err() != nil {
				return errors.New("it has a deadline")
			}
			return nil
		}},
		"the deadline is told": {time.Hour, func(ctx context.Context) error {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Hour || time.Until(deadline) < 59*time.Minute {
				return fmt.Errorf("deadline %s", deadline)
			}
			return nil
		}},
		"the deadline passes": {time.Nanosecond, func(ctx context.Context) error {
			<-ctx.Done()
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return ctx.Err()
			}
			return nil
		}},
		"children end with it": {time.Nanosecond, func(ctx context.Context) error {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			<-child.Done()
			return nil
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var kept context.Context
			response := execute(t.Context(), silent, c.timeout, func(ctx context.Context, _ Call) (Result, error) {
				kept = ctx
				return Result{}, c.run(ctx)
			})
			if response.GetError() != nil {
				t.Error(response.GetError())
			}
			select {
			case <-kept.Done():
			case <-time.After(10 * time.Second):
				t.Error("the context outlives the call")
			}
		})
	}
	t.Run("with its stream", func(t *testing.T) {
		stream, cancel := context.WithCancel(t.Context())
		response := execute(stream, silent, time.Hour, func(ctx context.Context, _ Call) (Result, error) {
			cancel()
			<-ctx.Done()
			return Result{}, ctx.Err()
		})
		if got := response.GetError(); got.GetCode() != string(CodeTimeout) || !got.GetRetryable() || got.GetOutcome() != string(OutcomeUnknown) {
			t.Errorf("got %v", got)
		}
	})
}

func TestPanicBecomesAnErrorOfTheCall(t *testing.T) {
	var output bytes.Buffer
	response := execute(t.Context(), newLineLogger(&output), 0, func(context.Context, Call) (Result, error) {
		panic("at the disco")
	})
	if got := response.GetError(); got.GetCode() != string(CodeInternal) || got.GetOutcome() != string(OutcomeUnknown) {
		t.Errorf("got %v", got)
	}
	if !bytes.Contains(output.Bytes(), []byte("TestPanicBecomesAnErrorOfTheCall")) {
		t.Errorf("the log holds no stack: %s", &output)
	}
}

func TestErrorsThatAreWrappedKeepWhatTheySay(t *testing.T) {
	inner := &Error{Code: CodeDeclined, Message: "no\xff", Final: true}
	got := errorToWire(fmt.Errorf("create: %w", inner))
	if got.GetCode() != string(CodeDeclined) || !got.GetFinal() || got.GetMessage() != "no\uFFFD" {
		t.Errorf("got %v", got)
	}
	if errorToWire(nil) != nil {
		t.Error("nil is an error")
	}
}

func TestNilErrorOfTheSDKIsAnErrorWithAnUnknownOutcome(t *testing.T) {
	var none *Error
	got := errorToWire(none)
	if got.GetCode() != string(CodeInternal) || got.GetOutcome() != string(OutcomeUnknown) || got.GetMessage() == "" {
		t.Errorf("got %v", got)
	}
}

func TestLoggerOfACallWritesWhatTheHostReads(t *testing.T) {
	var output bytes.Buffer
	execute(t.Context(), newLineLogger(&output), 0, func(ctx context.Context, _ Call) (Result, error) {
		Logger(ctx).Log(ctx, slog.LevelError+4, "message", "n", 1, slog.Group("g", "level", "x"))
		return Result{}, nil
	})
	var line map[string]any
	if err := json.Unmarshal(output.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["@level"] != "error" || line["@message"] != "message" || line["requestId"] != "req_1" || line["action"] != "do" || line["n"] != 1.0 {
		t.Errorf("got %v", line)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000000Z07:00", fmt.Sprint(line["@timestamp"])); err != nil {
		t.Error(err)
	}
}

func TestLoggerOutsideOfACallIsTheDefault(t *testing.T) {
	if Logger(t.Context()) != slog.Default() {
		t.Error("it is another")
	}
	if Logger(WithLogger(t.Context(), silent)) != silent {
		t.Error("it is not the one that was given")
	}
}

func TestPluginWithoutWebhooksIsAsked(t *testing.T) {
	s := newServer(script(nil), silent, nil)
	if _, err := s.VerifyWebhook(t.Context(), &pluginv1.VerifyWebhookRequest{}); err == nil {
		t.Error("it verifies")
	}
	if _, err := s.SampleWebhook(t.Context(), &pluginv1.SampleWebhookRequest{}); err == nil {
		t.Error("it makes samples")
	}
}
