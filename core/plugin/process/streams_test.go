package process

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// silent receives calls and never responds.
type silent struct {
	pluginv1.UnimplementedPluginServiceServer
	received chan struct{}
}

func (s *silent) Execute(stream grpc.BidiStreamingServer[pluginv1.ExecuteRequest, pluginv1.ExecuteResponse]) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	s.received <- struct{}{}
	<-stream.Context().Done()
	return stream.Context().Err()
}

// A plugin that allows one stream at a time, and is busy with it.
func TestACallThatGetsNoStreamEndsInTime(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.MaxConcurrentStreams(1))
	service := &silent{received: make(chan struct{}, 1)}
	pluginv1.RegisterPluginServiceServer(server, service)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("unix:"+listener.Addr().String(), append(dialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	pool := newStreams(pluginv1.NewPluginServiceClient(conn).Execute)
	call := func(ctx context.Context, deadline time.Time) error {
		return pool.exchange(ctx, deadline, func(request *pluginv1.ExecuteRequest) { request.Action = "a" }, func(*pluginv1.ExecuteResponse) {})
	}
	first := make(chan error, 1)
	go func() {
		first <- call(context.Background(), time.Now().Add(time.Hour))
	}()
	<-service.received

	deadline := time.Now().Add(50 * time.Millisecond)
	if err := call(context.Background(), deadline); err == nil || time.Now().Before(deadline) {
		t.Errorf("until the deadline: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := call(ctx, time.Now().Add(time.Hour)); err == nil {
		t.Error("until its caller gave up: no error")
	}

	pool.close()
	if err := <-first; err == nil {
		t.Error("the call in progress: no error")
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	server.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
