package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// errNotSent is wrapped by the errors of calls that the plugin never saw.
var errNotSent = errors.New("not sent")

// streams is the pool of Execute streams of one connection. A stream carries one
// call at a time, so the pool has as many as calls have ever run at once. The
// supervisor limits that.
type streams struct {
	service pluginv1.PluginServiceClient
	// ctx is the life of the connection: gRPC ends a stream by its context.
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex // guards idle
	idle []*stream  // the one used last is at the end, and taken first
}

// stream is one Execute stream, with what each call on it reuses.
type stream struct {
	wire grpc.BidiStreamingClient[pluginv1.ExecuteRequest, pluginv1.ExecuteResponse]
	// cancel resets the stream, which ends the call in the plugin too.
	cancel context.CancelFunc
	// expiry resets the stream at a call's deadline.
	expiry   watchdog
	request  pluginv1.ExecuteRequest
	response pluginv1.ExecuteResponse
}

func newStreams(service pluginv1.PluginServiceClient) *streams {
	ctx, cancel := context.WithCancel(context.Background())
	return &streams{service: service, ctx: ctx, cancel: cancel}
}

// close resets every stream, those in use too.
func (s *streams) close() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stream := range s.idle {
		stream.expiry.stop()
	}
	s.idle = nil
}

// call runs one call; timeout is how long the plugin has for it. The plugin's own
// errors are *sdk.Error. The error wraps errNotSent if the call cannot have reached
// the plugin.
func (s *streams) call(ctx context.Context, deadline time.Time, timeout time.Duration, call sdk.Call) (sdk.Result, error) {
	if ctx.Err() != nil || timeout <= 0 {
		return sdk.Result{}, errNotSent
	}
	stream, err := s.take(ctx, deadline)
	if err != nil {
		return sdk.Result{}, fmt.Errorf("%w: %w", errNotSent, err)
	}
	result, usable, err := stream.call(ctx, deadline, timeout, call)
	if !usable || !s.put(stream) {
		stream.cancel()
		stream.expiry.stop()
	}
	return result, err
}

// call runs one call, and reports whether the stream can carry another.
func (s *stream) call(ctx context.Context, deadline time.Time, timeout time.Duration, call sdk.Call) (result sdk.Result, usable bool, err error) {
	s.request.Action = call.Action
	s.request.Params = call.Params
	s.request.IdempotencyKey = call.IdempotencyKey
	s.request.RequestId = call.RequestID
	s.request.TimeoutNanos = int64(timeout)

	s.expiry.watch(deadline)
	unwatch := func() bool { return true }
	if !action.EndsByDeadline(ctx) && ctx.Done() != nil { // expiry has the deadline
		unwatch = context.AfterFunc(ctx, s.cancel)
	}
	err = s.wire.Send(&s.request)
	if err != nil {
		// The stream had ended before: gRPC accepts a message whole or not at all.
		err = fmt.Errorf("%w: %w", errNotSent, err)
	} else {
		// The message is reused, but its bytes are new each time.
		err = s.wire.RecvMsg(&s.response)
	}
	s.request.Params = nil
	// Neither must end the next call on this stream.
	usable = s.expiry.release()
	usable = unwatch() && usable && err == nil
	switch {
	case err != nil:
		return sdk.Result{}, false, err
	case s.response.GetError() != nil:
		return sdk.Result{}, usable, errorFromWire(s.response.GetError())
	}
	return sdk.Result{Body: s.response.GetBody(), ContentType: s.response.GetContentType()}, usable, nil
}

// take returns a stream that no call uses. A new one may have to wait, because in
// gRPC a plugin may limit the number of streams.
func (s *streams) take(ctx context.Context, deadline time.Time) (*stream, error) {
	s.mu.Lock()
	if last := len(s.idle) - 1; last >= 0 {
		stream := s.idle[last]
		s.idle = s.idle[:last]
		s.mu.Unlock()
		return stream, nil
	}
	s.mu.Unlock()
	life, cancel := context.WithCancel(s.ctx)
	stream := &stream{cancel: cancel, expiry: watchdog{onExpire: cancel}}
	stream.expiry.watch(deadline)
	unwatch := context.AfterFunc(ctx, cancel)
	wire, err := s.service.Execute(life)
	unused := unwatch()
	if inTime := stream.expiry.release() && unused; err == nil && !inTime {
		err = life.Err()
	}
	if err != nil {
		cancel()
		stream.expiry.stop()
		return nil, err
	}
	stream.wire = wire
	return stream, nil
}

// put keeps a stream for the next call, unless the pool is closed.
func (s *streams) put(stream *stream) bool {
	// An idle stream must not keep the last response in memory.
	stream.response.Reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.idle = append(s.idle, stream)
	return true
}
