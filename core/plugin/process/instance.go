package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// instance is one plugin process that has shaken hands.
type instance struct {
	client  *goplugin.Client
	child   *child
	dir     string
	service pluginv1.PluginServiceClient
	health  grpc_health_v1.HealthClient
	// calls and verifications are what is exchanged on streams.
	calls         *streams[pluginv1.ExecuteRequest, pluginv1.ExecuteResponse]
	verifications *streams[pluginv1.VerifyWebhooksRequest, pluginv1.VerifyWebhooksResponse]
	// unary: the plugin verifies a webhook in a call of its own alone.
	unary atomic.Bool
	// silent: the plugin cannot tell of its health.
	silent atomic.Bool
	close  sync.Once
	closed error
}

var (
	_ plugin.Instance       = (*instance)(nil)
	_ plugin.Prober         = (*instance)(nil)
	_ plugin.HealthReporter = (*instance)(nil)
	_ plugin.MemoryReporter = (*instance)(nil)
)

// connect starts the process and shakes hands.
func (i *instance) connect() error {
	protocol, err := i.client.Client()
	if err != nil {
		return err
	}
	grpcClient, ok := protocol.(*goplugin.GRPCClient)
	if !ok {
		return fmt.Errorf("go-plugin answered a %T", protocol)
	}
	i.health = grpc_health_v1.NewHealthClient(grpcClient.Conn)
	dispensed, err := protocol.Dispense(sdk.DispenseName)
	if err != nil {
		return err
	}
	service, ok := dispensed.(pluginv1.PluginServiceClient)
	if !ok {
		return fmt.Errorf("go-plugin handed out a %T", dispensed)
	}
	i.service = service
	i.calls, i.verifications = newStreams(service.Execute), newStreams(service.VerifyWebhooks)
	return nil
}

// Manifest asks for the manifest.
func (i *instance) Manifest(ctx context.Context) (*sdk.Manifest, error) {
	response, err := i.service.GetManifest(ctx, &pluginv1.GetManifestRequest{})
	if err != nil {
		return nil, fmt.Errorf("get manifest: %w", i.failure(ctx, time.Time{}, "GetManifest", err))
	}
	if response.GetManifest() == nil {
		return nil, fmt.Errorf("get manifest: the plugin answered none")
	}
	return manifestFromWire(response.GetManifest()), nil
}

// Configure hands the config over.
func (i *instance) Configure(ctx context.Context, config sdk.Config) error {
	response, err := i.service.Configure(ctx, &pluginv1.ConfigureRequest{
		Credentials: config.Credentials,
		Sandbox:     config.Sandbox,
		Inspect:     config.Inspect,
		BaseDir:     config.BaseDir,
		DataDir:     config.DataDir,
		Webhooks:    webhookTargetsToWire(config.Webhooks),
	})
	if err != nil {
		return i.failure(ctx, time.Time{}, "Configure", err)
	}
	if response.GetError() != nil {
		return errorFromWire(response.GetError())
	}
	return nil
}

// Execute runs one action. The call has a stream of its own.
func (i *instance) Execute(ctx context.Context, deadline time.Time, call sdk.Call) (sdk.Result, error) {
	return i.ExecuteWithTimeout(ctx, deadline, time.Until(deadline), call)
}

// ExecuteWithTimeout is Execute that gives the plugin another timeout.
func (i *instance) ExecuteWithTimeout(ctx context.Context, deadline time.Time, timeout time.Duration, call sdk.Call) (sdk.Result, error) {
	if err := plugin.CheckParamsSize(call.Params); err != nil {
		return sdk.Result{}, err
	}
	if timeout <= 0 {
		return sdk.Result{}, notSent(ctx, deadline)
	}
	var result sdk.Result
	var failed *pluginv1.Error
	err := i.calls.exchange(ctx, deadline, func(request *pluginv1.ExecuteRequest) {
		request.Action, request.Params = call.Action, call.Params
		request.IdempotencyKey, request.RequestId = call.IdempotencyKey, call.RequestID
		request.TimeoutNanos = int64(timeout)
	}, func(response *pluginv1.ExecuteResponse) {
		result, failed = sdk.Result{Body: response.GetBody(), ContentType: response.GetContentType()}, response.GetError()
	})
	switch {
	case errors.Is(err, errNotSent):
		return sdk.Result{}, notSent(ctx, deadline)
	case err != nil:
		return sdk.Result{}, i.failure(ctx, deadline, call.Action, err)
	case failed != nil:
		return sdk.Result{}, errorFromWire(failed)
	}
	return result, nil
}

// SampleWebhook has the plugin make a sample event.
func (i *instance) SampleWebhook(ctx context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
	response, err := i.service.SampleWebhook(ctx, sampleRequestToWire(request))
	if err != nil {
		return sdk.Sample{}, i.failure(ctx, time.Time{}, "SampleWebhook", err)
	}
	if response.GetError() != nil {
		return sdk.Sample{}, errorFromWire(response.GetError())
	}
	return sampleFromWire(response), nil
}

// ControlSandbox has the plugin carry out a command to its sandbox.
func (i *instance) ControlSandbox(ctx context.Context, command sdk.SandboxCommand) (json.RawMessage, error) {
	response, err := i.service.ControlSandbox(ctx, &pluginv1.ControlSandboxRequest{Name: command.Name, Params: command.Params})
	if err != nil {
		return nil, i.failure(ctx, time.Time{}, "ControlSandbox", err)
	}
	if response.GetError() != nil {
		return nil, errorFromWire(response.GetError())
	}
	return response.GetResult(), nil
}

// CheckUses has the plugin hold uses against what is there.
func (i *instance) CheckUses(ctx context.Context, uses []sdk.Use) ([]sdk.UseFault, error) {
	response, err := i.service.CheckUses(ctx, &pluginv1.CheckUsesRequest{Uses: usesToWire(uses)})
	if err != nil {
		return nil, i.failure(ctx, time.Time{}, "CheckUses", err)
	}
	if response.GetError() != nil {
		return nil, errorFromWire(response.GetError())
	}
	return useFaultsFromWire(response.GetFaults()), nil
}

// ListEvents has the plugin list what has happened at its vendor.
func (i *instance) ListEvents(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error) {
	response, err := i.service.ListEvents(ctx, listRequestToWire(request))
	if err != nil {
		return sdk.EventPage{}, i.failure(ctx, time.Time{}, "ListEvents", err)
	}
	if response.GetError() != nil {
		return sdk.EventPage{}, errorFromWire(response.GetError())
	}
	return pageFromWire(response), nil
}

// SyncEndpoint has the plugin register the address of a webhook.
func (i *instance) SyncEndpoint(ctx context.Context, request sdk.SyncEndpointRequest) (sdk.EndpointSync, error) {
	response, err := i.service.SyncEndpoint(ctx, syncRequestToWire(request))
	if err != nil {
		return sdk.EndpointSync{}, i.failure(ctx, time.Time{}, "SyncEndpoint", err)
	}
	if response.GetError() != nil {
		return sdk.EndpointSync{}, errorFromWire(response.GetError())
	}
	return syncFromWire(response.GetSync()), nil
}

// Probe asks gRPC's own health service, which go-plugin serves in each plugin. It
// responds whatever the plugin's calls do, unless the process or its connection
// hangs. A plugin without that service responds with an error, which is a sign of
// life too.
func (i *instance) Probe(ctx context.Context) error {
	_, err := i.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return fmt.Errorf("health check: %w", err)
	default:
		return nil
	}
}

// Health asks the plugin, until it has said once that it cannot tell.
func (i *instance) Health(ctx context.Context) error {
	if i.silent.Load() {
		return nil
	}
	response, err := i.service.CheckHealth(ctx, &pluginv1.CheckHealthRequest{})
	switch {
	case status.Code(err) == codes.Unimplemented:
		i.silent.Store(true)
	case err == nil && response.GetError() != nil:
		return errorFromWire(response.GetError())
	}
	return nil
}

// Memory returns the resident memory of the process in bytes. Processes that it has
// started are not counted.
func (i *instance) Memory() (int64, error) { return i.child.memory() }

// Done is closed when the process has ended.
func (i *instance) Done() <-chan struct{} { return i.child.exited }

// Exit says how the process ended.
func (i *instance) Exit() plugin.Exit { return i.child.exit() }

// Close asks the process to end, and kills it when ctx ends or two seconds have
// passed.
func (i *instance) Close(ctx context.Context) error {
	i.close.Do(func() {
		if i.calls != nil {
			i.calls.close()
			i.verifications.close()
		}
		stop := context.AfterFunc(ctx, i.child.terminate)
		i.client.Kill()
		stop()
		i.child.terminate()
		if i.child.started() {
			<-i.child.exited
		}
		if err := os.RemoveAll(i.dir); err != nil {
			i.closed = fmt.Errorf("stop plugin: %w", err)
		}
	})
	return i.closed
}

// crashGrace is how long failure waits, after the connection broke, for the process's
// end, to be able to say how it ended.
const crashGrace = time.Second

// failure explains why a call failed that may have been executed. A zero deadline
// means that only the context bounds the call.
func (i *instance) failure(ctx context.Context, deadline time.Time, operation string, err error) *sdk.Error {
	if expired(ctx, deadline) {
		return plugin.TimeoutError(ctx, operation)
	}
	switch status.Code(err) {
	case codes.Unimplemented:
		return &sdk.Error{
			Code:    sdk.CodeUnknownAction,
			Message: "the plugin does not implement " + operation,
			Outcome: sdk.OutcomeNotExecuted,
		}
	case codes.Internal, codes.ResourceExhausted, codes.Unknown, codes.InvalidArgument:
		return &sdk.Error{
			Code:    sdk.CodeInternal,
			Message: fmt.Sprintf("the plugin's answer to %s cannot be read: %s", operation, status.Convert(err).Message()),
			Outcome: sdk.OutcomeUnknown,
		}
	}
	lost := &sdk.Error{Code: sdk.CodeUnavailable, Retryable: true, Outcome: sdk.OutcomeUnknown}
	grace := time.NewTimer(crashGrace)
	defer grace.Stop()
	select {
	case <-i.child.exited:
		lost.Message = fmt.Sprintf("the plugin ended during %s: %s", operation, i.child.exit().Reason)
	case <-ctx.Done():
		return plugin.TimeoutError(ctx, operation)
	case <-grace.C:
		lost.Message = "the connection to the plugin was lost during " + operation
	}
	return lost
}

// expired reports whether the caller waits no longer.
func expired(ctx context.Context, deadline time.Time) bool {
	return ctx.Err() != nil || !deadline.IsZero() && !time.Now().Before(deadline)
}

// notSent is the error of a call that the plugin never saw.
func notSent(ctx context.Context, deadline time.Time) *sdk.Error {
	e := &sdk.Error{Code: sdk.CodeUnavailable, Message: "the plugin cannot be reached", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
	if expired(ctx, deadline) {
		e.Code, e.Message = sdk.CodeTimeout, "the call ended before it was sent"
	}
	return e
}
