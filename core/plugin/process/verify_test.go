package process

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/backflow/backflow/sdk"
	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// verifier verifies webhooks by single calls, as plugins do that were built before
// there were streams for it.
type verifier struct {
	pluginv1.UnimplementedPluginServiceServer
	calls atomic.Int64
}

func (v *verifier) VerifyWebhook(_ context.Context, request *pluginv1.VerifyWebhookRequest) (*pluginv1.VerifyWebhookResponse, error) {
	v.calls.Add(1)
	if string(request.GetBody()) != "genuine" {
		return &pluginv1.VerifyWebhookResponse{Outcome: &pluginv1.VerifyWebhookResponse_Refusal{Refusal: "no"}}, nil
	}
	return &pluginv1.VerifyWebhookResponse{Outcome: &pluginv1.VerifyWebhookResponse_Event{Event: &pluginv1.WebhookEvent{Id: "evt_1"}}}, nil
}

// The refusal of the stream may come before the first request is sent, or after it.
func TestAPluginWithoutStreamsForItVerifiesWebhooks(t *testing.T) {
	t.Run("refused after the request", func(t *testing.T) {
		testWithoutStreams(t, func(pluginv1.PluginService_VerifyWebhooksClient) {})
	})
	t.Run("refused before the request", func(t *testing.T) {
		testWithoutStreams(t, func(stream pluginv1.PluginService_VerifyWebhooksClient) {
			if err := stream.RecvMsg(new(pluginv1.VerifyWebhooksResponse)); status.Code(err) != codes.Unimplemented {
				t.Errorf("the stream: %v", err)
			}
		})
	})
}

// testWithoutStreams has requests verified by a plugin that has no streams for it;
// opened is called with each stream once it is open.
func testWithoutStreams(t *testing.T, opened func(pluginv1.PluginService_VerifyWebhooksClient)) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	server, service := grpc.NewServer(), &verifier{}
	pluginv1.RegisterPluginServiceServer(server, service)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("unix:"+listener.Addr().String(), append(dialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	client := pluginv1.NewPluginServiceClient(conn)
	open := func(ctx context.Context, options ...grpc.CallOption) (pluginv1.PluginService_VerifyWebhooksClient, error) {
		stream, err := client.VerifyWebhooks(ctx, options...)
		if err == nil {
			opened(stream)
		}
		return stream, err
	}
	i := &instance{service: client, verifications: newStreams(open)}
	for range 3 {
		event, err := i.VerifyWebhook(t.Context(), sdk.WebhookRequest{Body: []byte("genuine")})
		if err != nil || event.ID != "evt_1" {
			t.Errorf("a genuine request: %+v, %v", event, err)
		}
		if _, err := i.VerifyWebhook(t.Context(), sdk.WebhookRequest{Body: []byte("forged")}); !errors.As(err, new(*sdk.WebhookRefusal)) {
			t.Errorf("a forged request: %v", err)
		}
	}
	if calls := service.calls.Load(); calls != 6 || !i.unary.Load() {
		t.Errorf("%d calls, and a stream is tried each time: %t", calls, !i.unary.Load())
	}
	i.verifications.close()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	server.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
