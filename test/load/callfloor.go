package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/backflow/backflow/test/load/internal/post"
)

// The floor of a call is the least that a call through a second process costs: an
// HTTP server that hands the body over a pooled gRPC stream to a second process, which
// posts it by net/http. There is no authentication, no check, no bound, no deadline, no
// log, and nothing that would start the second process anew.

// exchange is the one method between the two processes: a stream carries one body at a
// time.
const exchangeMethod = "/floor/Exchange"

var exchangeStream = grpc.StreamDesc{StreamName: "Exchange", ClientStreams: true, ServerStreams: true}

// What gRPC is tuned with, as between gateway and plugin.
const (
	floorWindow = 4 << 20
	floorBuffer = 128 << 10
)

// callFloor is the handler of the first process.
type callFloor struct {
	conn *grpc.ClientConn

	mu   sync.Mutex // guards idle
	idle []grpc.ClientStream
}

// serveCallFloor serves the first process, and starts the second, which listens at a
// unix socket. It returns when ctx has ended.
func serveCallFloor(ctx context.Context, listener net.Listener, socket, upstreamURL string) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	second := exec.Command(self)
	second.Env = append(os.Environ(), childEnv+"=callfloor-second", listenEnv+"="+socket, stubEnv+"="+upstreamURL)
	second.Stderr = stderr
	if err := second.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, second.Process.Signal(syscall.SIGTERM), second.Wait()) }()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(floorWindow), grpc.WithInitialConnWindowSize(floorWindow),
		grpc.WithReadBufferSize(floorBuffer), grpc.WithWriteBufferSize(floorBuffer),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	mux := http.NewServeMux()
	mux.Handle("POST /", &callFloor{conn: conn})
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	return serveHTTP(ctx, listener, mux)
}

func (f *callFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result, err := f.call(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone needs no answer.
	_, _ = w.Write(result)
}

func (f *callFloor) call(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	stream, err := f.take()
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(&wrapperspb.BytesValue{Value: body}); err != nil {
		return nil, err
	}
	var result wrapperspb.BytesValue
	if err := stream.RecvMsg(&result); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.idle = append(f.idle, stream)
	f.mu.Unlock()
	return result.GetValue(), nil
}

// take returns a stream that nobody uses.
func (f *callFloor) take() (grpc.ClientStream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := len(f.idle) - 1; last >= 0 {
		stream := f.idle[last]
		f.idle = f.idle[:last]
		return stream, nil
	}
	return f.conn.NewStream(context.Background(), &exchangeStream, exchangeMethod, grpc.WaitForReady(true))
}

// serveCallFloorSecond serves the second process.
func serveCallFloorSecond(ctx context.Context, listener net.Listener, upstreamURL string) error {
	client := post.NewClient(upstreamURL)
	exchange := func(_ any, stream grpc.ServerStream) error {
		for {
			var given wrapperspb.BytesValue
			if err := stream.RecvMsg(&given); err != nil {
				return err
			}
			result, err := client.Post(stream.Context(), rand.Text(), given.GetValue())
			if err != nil {
				return err
			}
			if err := stream.SendMsg(&wrapperspb.BytesValue{Value: result}); err != nil {
				return err
			}
		}
	}
	server := grpc.NewServer(grpc.InitialWindowSize(floorWindow), grpc.InitialConnWindowSize(floorWindow),
		grpc.ReadBufferSize(floorBuffer), grpc.WriteBufferSize(floorBuffer))
	served := exchangeStream
	served.Handler = exchange
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "floor", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{served}}, nil)
	context.AfterFunc(ctx, server.Stop)
	return server.Serve(listener)
}
