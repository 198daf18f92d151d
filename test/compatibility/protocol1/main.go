// Command backflow-plugin-frozen is a plugin as it was written for version 1 of
// the protocol when that was new. It stands for plugins that strangers have built
// and that nobody builds anew: it imports nothing of sdk, its generated code is a
// copy, and neither is ever changed to follow the tree.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/backflow/backflow/test/compatibility/protocol1/pluginv1"
)

func main() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: 1, MagicCookieKey: "BACKFLOW_PLUGIN", MagicCookieValue: "6d1f9c0a-backflow-plugin",
		},
		VersionedPlugins: map[int]plugin.PluginSet{1: {"integration": &served{}}},
		GRPCServer:       plugin.DefaultGRPCServer,
	})
}

type served struct{ plugin.NetRPCUnsupportedPlugin }

func (*served) GRPCServer(_ *plugin.GRPCBroker, registrar *grpc.Server) error {
	pluginv1.RegisterPluginServiceServer(registrar, &frozen{})
	return nil
}

func (*served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plugin does not call")
}

type frozen struct {
	pluginv1.UnimplementedPluginServiceServer
	key string
}

func (*frozen) GetManifest(context.Context, *pluginv1.GetManifestRequest) (*pluginv1.GetManifestResponse, error) {
	return &pluginv1.GetManifestResponse{Manifest: &pluginv1.Manifest{
		Name: "frozen", Version: "1.0.0", Description: "as it was",
		Credentials: []byte(`{"type":"object","properties":{"key":{"type":"string","writeOnly":true}},"required":["key"]}`),
		Webhook:     &pluginv1.WebhookCapability{EventTypes: []string{"a.b"}, SecretField: "key"},
		Actions: []*pluginv1.Action{
			{
				Name: "greet", Description: "greets",
				Params: []byte(`{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`),
				Result: []byte(`{"type":"object"}`),
				Http:   &pluginv1.HTTPBinding{Method: "POST", Path: "/greet"},
				Writes: true, Repeat: "native", KeyLifetime: durationpb.New(24 * 3600 * 1e9),
				Examples: []*pluginv1.Example{{Params: []byte(`{"name":"Ada"}`)}},
			},
			{Name: "fail", Params: []byte(`{"type":"object"}`)},
			{Name: "hang", Params: []byte(`{"type":"object"}`)},
		},
	}}, nil
}

func (f *frozen) Configure(_ context.Context, request *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	var credentials struct{ Key string }
	if err := json.Unmarshal(request.GetCredentials(), &credentials); err != nil {
		return nil, err
	}
	f.key = credentials.Key
	return &pluginv1.ConfigureResponse{}, nil
}

func (f *frozen) Execute(stream grpc.BidiStreamingServer[pluginv1.ExecuteRequest, pluginv1.ExecuteResponse]) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(f.execute(stream.Context(), request)); err != nil {
			return err
		}
	}
}

func (f *frozen) execute(ctx context.Context, request *pluginv1.ExecuteRequest) *pluginv1.ExecuteResponse {
	switch request.GetAction() {
	case "greet":
		body := fmt.Sprintf(`{"params":%s,"key":%q,"idempotencyKey":%q,"requestId":%q,"timed":%t}`,
			request.GetParams(), f.key, request.GetIdempotencyKey(), request.GetRequestId(), request.GetTimeoutNanos() > 0)
		return &pluginv1.ExecuteResponse{Body: []byte(body)}
	case "hang":
		<-ctx.Done()
	}
	return &pluginv1.ExecuteResponse{Error: &pluginv1.Error{
		Code: "declined", Message: "no", Retryable: true, RetryAfter: durationpb.New(1.5e9), Outcome: "not_executed", Final: true,
		Faults: []*pluginv1.Fault{{Pointer: "/a", Message: "wrong"}}, Details: []byte(`{"declineCode":"x"}`),
	}}
}

func (*frozen) VerifyWebhook(_ context.Context, request *pluginv1.VerifyWebhookRequest) (*pluginv1.VerifyWebhookResponse, error) {
	signature := request.GetHeaders()["Signature"].GetValues()
	if len(signature) == 0 || string(signature[0]) != request.GetSecrets()[0] {
		return &pluginv1.VerifyWebhookResponse{Outcome: &pluginv1.VerifyWebhookResponse_Refusal{Refusal: "another signature"}}, nil
	}
	return &pluginv1.VerifyWebhookResponse{Outcome: &pluginv1.VerifyWebhookResponse_Event{
		Event: &pluginv1.WebhookEvent{Id: string(request.GetBody()), Type: "a.b"},
	}}, nil
}

func (*frozen) SampleWebhook(_ context.Context, request *pluginv1.SampleWebhookRequest) (*pluginv1.SampleWebhookResponse, error) {
	return &pluginv1.SampleWebhookResponse{Headers: map[string]string{"Signature": request.GetSecret()}, Body: []byte("evt_1")}, nil
}
