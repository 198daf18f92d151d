package process_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// The two benchmarks belong together: the cost of a call through a plugin, and that
// of a bare exchange on a stream, which is the least that a call can cost.

// payloads are a small call and one with a document in it, in bytes.
var payloads = []int{300, 16 << 10}

func BenchmarkExecute(b *testing.B) {
	p := startReady(b, fixture(""))
	for _, payload := range payloads {
		params := value.TrustedDoc([]byte(`{"p":"` + strings.Repeat("x", payload-8) + `"}`))
		call := action.Call{Action: "echo", Params: params, IdempotencyKey: "k", RequestID: "r"}
		eachConcurrency(b, payload, func() func() error {
			// As a handler would: with a context of its own that can end.
			ctx, cancel := context.WithCancel(context.Background())
			b.Cleanup(cancel)
			return func() error {
				_, err := p.Execute(ctx, call)
				return err
			}
		})
	}
}

func BenchmarkFloor(b *testing.B) {
	conn := serveFloor(b)
	for _, payload := range payloads {
		message := &wrapperspb.BytesValue{Value: make([]byte, payload)}
		eachConcurrency(b, payload, func() func() error {
			stream, err := conn.NewStream(b.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/floor/Exchange")
			if err != nil {
				b.Fatal(err)
			}
			return func() error {
				if err := stream.SendMsg(message); err != nil {
					return err
				}
				return stream.RecvMsg(&wrapperspb.BytesValue{})
			}
		})
	}
}

// BenchmarkFirstCall is from nothing to the first result: process, handshake,
// manifest, configuration and a call. Its floor is a process that only starts and
// ends.
func BenchmarkFirstCall(b *testing.B) {
	launcher := newLauncher(b)
	call := sdk.Call{Action: "echo", Params: json.RawMessage(`{}`)}
	b.Run("plugin", func(b *testing.B) {
		for b.Loop() {
			instance, err := launcher.Launch(b.Context(), fixture("").Spec, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			if _, err = instance.Manifest(b.Context()); err == nil {
				err = instance.Configure(b.Context(), fixture("").Config)
			}
			if err == nil {
				_, err = instance.Execute(b.Context(), time.Now().Add(time.Minute), call)
			}
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := instance.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
	b.Run("floor", func(b *testing.B) {
		for b.Loop() {
			command := exec.Command(path("fixture"))
			command.Env = []string{"FIXTURE=exit-first"}
			// It exits with 4, as FIXTURE says.
			_ = command.Run()
		}
	})
}

// eachConcurrency measures what exchange makes, once for each caller, with 1, 16
// and 64 callers at a time.
func eachConcurrency(b *testing.B, payload int, exchange func() func() error) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("%dB/%d", payload, callers), func(b *testing.B) {
			calls := make([]func() error, callers)
			for i := range calls {
				calls[i] = exchange()
				if err := calls[i](); err != nil {
					b.Fatal(err)
				}
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for _, call := range calls {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if err := call(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

// serveFloor starts the other process and connects as the launcher does.
func serveFloor(b *testing.B) *grpc.ClientConn {
	b.Helper()
	socket := filepath.Join(b.TempDir(), "s")
	server := exec.Command(path("fixture"))
	server.Env = []string{"FIXTURE=floor", "FIXTURE_SOCKET=" + socket}
	server.Stderr = os.Stderr
	stdout, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	const window, buffer = 4 << 20, 128 << 10
	conn, err := grpc.NewClient("passthrough:///floor",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
		grpc.WithReadBufferSize(buffer), grpc.WithWriteBufferSize(buffer),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := conn.Close(); err != nil {
			b.Error(err)
		}
		if err := server.Process.Kill(); err != nil {
			b.Error(err)
		}
		// It was killed, which Wait reports as an error.
		_ = server.Wait()
	})
	return conn
}
