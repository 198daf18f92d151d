package process

import (
	"context"
	"sync"

	"google.golang.org/grpc"

	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// streams is the pool of Execute streams of one connection. A stream carries one
// call at a time, so that there are as many as calls have ever run at once; who
// limits that is the supervisor.
type streams struct {
	service pluginv1.PluginServiceClient
	// ctx is the life of the connection: gRPC ends a stream by its context.
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex // guards idle
	idle []*stream  // the one used last is at the end, and taken first
}

// stream is one Execute stream.
type stream struct {
	grpc.BidiStreamingClient[pluginv1.ExecuteRequest, pluginv1.ExecuteResponse]
	cancel context.CancelFunc
}

func newStreams(service pluginv1.PluginServiceClient) *streams {
	ctx, cancel := context.WithCancel(context.Background())
	return &streams{service: service, ctx: ctx, cancel: cancel}
}

// close resets every stream, those in use too.
func (s *streams) close() { s.cancel() }

// exchange sends one request and waits for its response. It reports whether the
// request may have reached the plugin. When ctx ends first the stream is reset,
// which ends the call in the plugin too.
func (s *streams) exchange(ctx context.Context, request *pluginv1.ExecuteRequest) (response *pluginv1.ExecuteResponse, sent bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	stream, err := s.take()
	if err != nil {
		return nil, false, err
	}
	abandon := context.AfterFunc(ctx, stream.cancel)
	// An error of Send means that the stream had ended before: gRPC takes a
	// message whole or not at all, and what it took may arrive.
	if err := stream.Send(request); err != nil {
		abandon()
		stream.cancel()
		return nil, false, err
	}
	response, err = stream.Recv()
	if !abandon() || err != nil {
		stream.cancel()
		return response, true, err
	}
	s.put(stream)
	return response, true, nil
}

func (s *streams) take() (*stream, error) {
	s.mu.Lock()
	if last := len(s.idle) - 1; last >= 0 {
		stream := s.idle[last]
		s.idle = s.idle[:last]
		s.mu.Unlock()
		return stream, nil
	}
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(s.ctx)
	client, err := s.service.Execute(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	return &stream{BidiStreamingClient: client, cancel: cancel}, nil
}

func (s *streams) put(stream *stream) {
	s.mu.Lock()
	s.idle = append(s.idle, stream)
	s.mu.Unlock()
}
