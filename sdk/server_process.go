//go:build !wasip1

package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// server serves a Plugin to the gateway.
type server struct {
	pluginv1.UnimplementedPluginServiceServer
	plugin  Plugin
	logger  *slog.Logger
	stderr  *os.File
	isolate sync.Once
}

var _ pluginv1.PluginServiceServer = (*server)(nil)

func newServer(p Plugin, logger *slog.Logger, stderr *os.File) *server {
	return &server{plugin: p, logger: logger, stderr: stderr}
}

// GetManifest is the gateway's first call, so that it is also the first moment
// after the handshake and the last before the plugin's own code runs.
func (s *server) GetManifest(context.Context, *pluginv1.GetManifestRequest) (*pluginv1.GetManifestResponse, error) {
	s.isolate.Do(s.afterHandshake)
	manifest, err := readManifest(s.plugin, s.logger)
	if err != nil {
		return nil, status.Error(codes.Internal, asError(err).Message)
	}
	return &pluginv1.GetManifestResponse{Manifest: manifestToWire(&manifest)}, nil
}

// afterHandshake takes away what was only for go-plugin. It has turned
// os.Stdout and os.Stderr into pipes that travel over gRPC, where the last words
// of a crash would be lost: both become the true standard error. And it has read
// its variables, so that the environment is again what the config gives.
func (s *server) afterHandshake() {
	os.Stdout, os.Stderr = s.stderr, s.stderr
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if name == HandshakeCookieKey || name == ParentVariable || name == MemoryVariable || strings.HasPrefix(name, "PLUGIN_") {
			// It fails only for a malformed name, and this one exists.
			_ = os.Unsetenv(name)
		}
	}
}

// Configure hands over the config.
func (s *server) Configure(ctx context.Context, request *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	config := Config{
		Credentials: request.GetCredentials(),
		Sandbox:     request.GetSandbox(),
		Inspect:     request.GetInspect(),
		BaseDir:     request.GetBaseDir(),
		DataDir:     request.GetDataDir(),
		Webhooks:    webhookTargetsFromWire(request.GetWebhooks()),
	}
	ctx = WithLogger(ctx, s.logger)
	err := guard(s.logger, "Configure", func() error { return s.plugin.Configure(ctx, config) })
	return &pluginv1.ConfigureResponse{Error: errorToWire(err)}, nil
}

// Execute serves the calls of one stream, one after another.
func (s *server) Execute(stream grpc.BidiStreamingServer[pluginv1.ExecuteRequest, pluginv1.ExecuteResponse]) error {
	// The messages are used again for each call. What a plugin holds on to, the
	// bytes of the params, is new each time.
	var request pluginv1.ExecuteRequest
	var response pluginv1.ExecuteResponse
	for {
		err := stream.RecvMsg(&request)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.execute(stream.Context(), &request, &response)
		if err := stream.Send(&response); err != nil {
			return err
		}
	}
}

// execute runs one call. Its context ends with the call's deadline, and with
// the stream, which the gateway resets when its caller gives up.
func (s *server) execute(ctx context.Context, request *pluginv1.ExecuteRequest, response *pluginv1.ExecuteResponse) {
	call := Call{
		Action:         request.GetAction(),
		Params:         request.GetParams(),
		IdempotencyKey: request.GetIdempotencyKey(),
		RequestID:      request.GetRequestId(),
	}
	callCtx := newCallContext(ctx, s.logger, &call, time.Duration(request.GetTimeoutNanos()))
	defer callCtx.finish()
	var result Result
	err := guard(s.logger, call.Action, func() (err error) {
		result, err = s.plugin.Execute(callCtx, call)
		return err
	})
	if err == nil {
		err = checkSize(result)
	}
	if err != nil {
		result = Result{}
	}
	response.Body, response.ContentType, response.Error = result.Body, result.ContentType, errorToWire(err)
}

// VerifyWebhook checks a webhook, if the plugin can.
func (s *server) VerifyWebhook(ctx context.Context, request *pluginv1.VerifyWebhookRequest) (*pluginv1.VerifyWebhookResponse, error) {
	verifier, err := s.verifier()
	if err != nil {
		return nil, err
	}
	return s.verify(WithLogger(ctx, s.logger), verifier, request), nil
}

// VerifyWebhooks checks the webhooks of one stream, one after another.
func (s *server) VerifyWebhooks(stream grpc.BidiStreamingServer[pluginv1.VerifyWebhooksRequest, pluginv1.VerifyWebhooksResponse]) error {
	verifier, err := s.verifier()
	if err != nil {
		return err
	}
	ctx := WithLogger(stream.Context(), s.logger)
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		callCtx, cancel := ctx, context.CancelFunc(func() {})
		if timeout := request.GetTimeoutNanos(); timeout > 0 {
			callCtx, cancel = context.WithTimeout(ctx, time.Duration(timeout))
		}
		response := s.verify(callCtx, verifier, request.GetRequest())
		cancel()
		if err := stream.Send(&pluginv1.VerifyWebhooksResponse{Response: response}); err != nil {
			return err
		}
	}
}

// verifier returns the plugin as one that verifies webhooks.
func (s *server) verifier() (WebhookVerifier, error) {
	verifier, ok := s.plugin.(WebhookVerifier)
	if !ok {
		return nil, status.Error(codes.Unimplemented, "the plugin verifies no webhooks")
	}
	return verifier, nil
}

// verify checks one webhook.
func (s *server) verify(ctx context.Context, verifier WebhookVerifier, request *pluginv1.VerifyWebhookRequest) *pluginv1.VerifyWebhookResponse {
	var event WebhookEvent
	err := guard(s.logger, "VerifyWebhook", func() (err error) {
		event, err = verifier.VerifyWebhook(ctx, webhookRequestFromWire(request))
		return err
	})
	return verifyToWire(event, err)
}

// SampleWebhook makes a sample event, if the plugin can.
func (s *server) SampleWebhook(ctx context.Context, request *pluginv1.SampleWebhookRequest) (*pluginv1.SampleWebhookResponse, error) {
	sampler, ok := s.plugin.(WebhookSampler)
	if !ok {
		return nil, status.Error(codes.Unimplemented, "the plugin makes no sample webhooks")
	}
	ctx = WithLogger(ctx, s.logger)
	var sample Sample
	err := guard(s.logger, "SampleWebhook", func() (err error) {
		sample, err = sampler.SampleWebhook(ctx, sampleRequestFromWire(request))
		return err
	})
	return sampleToWire(sample, err), nil
}

// CheckHealth says whether calls can succeed now, if the plugin can tell.
func (s *server) CheckHealth(ctx context.Context, _ *pluginv1.CheckHealthRequest) (*pluginv1.CheckHealthResponse, error) {
	checker := healthChecker(s.plugin)
	if checker == nil {
		return nil, status.Error(codes.Unimplemented, "the plugin tells nothing of its health")
	}
	ctx = WithLogger(ctx, s.logger)
	err := guard(s.logger, "CheckHealth", func() error { return checker.CheckHealth(ctx) })
	return &pluginv1.CheckHealthResponse{Error: errorToWire(err)}, nil
}

// ControlSandbox carries out a command to the sandbox, if the plugin takes any.
func (s *server) ControlSandbox(ctx context.Context, request *pluginv1.ControlSandboxRequest) (*pluginv1.ControlSandboxResponse, error) {
	controller, ok := s.plugin.(SandboxController)
	if !ok {
		return nil, status.Error(codes.Unimplemented, "the plugin has no sandbox to control")
	}
	ctx = WithLogger(ctx, s.logger)
	command := SandboxCommand{Name: request.GetName(), Params: request.GetParams()}
	var result json.RawMessage
	err := guard(s.logger, "ControlSandbox", func() (err error) {
		result, err = controller.ControlSandbox(ctx, command)
		return err
	})
	if err != nil {
		result = nil
	}
	return &pluginv1.ControlSandboxResponse{Result: result, Error: errorToWire(err)}, nil
}

// CheckUses holds uses against what is there, if the plugin can.
func (s *server) CheckUses(ctx context.Context, request *pluginv1.CheckUsesRequest) (*pluginv1.CheckUsesResponse, error) {
	checker, ok := s.plugin.(UseChecker)
	if !ok {
		return nil, status.Error(codes.Unimplemented, "the plugin checks no uses")
	}
	ctx = WithLogger(ctx, s.logger)
	var faults []UseFault
	err := guard(s.logger, "CheckUses", func() (err error) {
		faults, err = checker.CheckUses(ctx, usesFromWire(request.GetUses()))
		return err
	})
	if err != nil {
		faults = nil
	}
	return &pluginv1.CheckUsesResponse{Faults: useFaultsToWire(faults), Error: errorToWire(err)}, nil
}

// ListEvents lists what has happened at the vendor, if the plugin can.
func (s *server) ListEvents(ctx context.Context, request *pluginv1.ListEventsRequest) (*pluginv1.ListEventsResponse, error) {
	lister, ok := s.plugin.(EventLister)
	if !ok {
		return nil, status.Error(codes.Unimplemented, "the plugin lists no events")
	}
	ctx = WithLogger(ctx, s.logger)
	var page EventPage
	err := guard(s.logger, "ListEvents", func() (err error) {
		page, err = lister.ListEvents(ctx, listRequestFromWire(request))
		return err
	})
	if err != nil {
		return &pluginv1.ListEventsResponse{Error: errorToWire(err)}, nil
	}
	return pageToWire(page), nil
}

// SyncEndpoint registers the address of a webhook, if the plugin can.
func (s *server) SyncEndpoint(ctx context.Context, request *pluginv1.SyncEndpointRequest) (*pluginv1.SyncEndpointResponse, error) {
	syncer, ok := s.plugin.(EndpointSyncer)
	if !ok {
		return nil, status.Error(codes.Unimplemented, "the plugin registers no endpoints")
	}
	ctx = WithLogger(ctx, s.logger)
	var sync EndpointSync
	err := guard(s.logger, "SyncEndpoint", func() (err error) {
		sync, err = syncer.SyncEndpoint(ctx, syncRequestFromWire(request))
		return err
	})
	if err != nil {
		return &pluginv1.SyncEndpointResponse{Error: errorToWire(err)}, nil
	}
	return &pluginv1.SyncEndpointResponse{Sync: syncToWire(sync)}, nil
}
