package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/backflow/backflow/core/action"
)

// errNotSent is wrapped by the errors of exchanges that the plugin never saw.
var errNotSent = errors.New("not sent")

// streams is the pool of one connection's streams of a method. A stream carries one
// exchange at a time, a request and its response, so the pool has as many as exchanges
// have ever run at once. The supervisor limits that.
type streams[Q, R any] struct {
	open func(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[Q, R], error)
	// ctx is the life of the connection: gRPC ends a stream by its context.
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex      // guards idle
	idle []*stream[Q, R] // the one used last is at the end, and taken first
}

// stream is one stream, with what each exchange on it reuses.
type stream[Q, R any] struct {
	wire grpc.BidiStreamingClient[Q, R]
	// cancel resets the stream, which ends what the plugin does for it too.
	cancel context.CancelFunc
	// expiry resets the stream at the deadline of an exchange.
	expiry   watchdog
	request  Q
	response R
}

func newStreams[Q, R any](open func(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[Q, R], error)) *streams[Q, R] {
	s := &streams[Q, R]{open: open}
	s.ctx, s.cancel = context.WithCancel(context.Background()) //nolint:gosec // close cancels it: a method of a generic type, which gosec does not see
	return s
}

// close resets every stream, those in use too.
func (s *streams[Q, R]) close() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stream := range s.idle {
		stream.expiry.stop()
	}
	s.idle = nil
}

// exchange fills a request, sends it, and reads the response. Neither may be kept:
// only the bytes in them are new each time. The error wraps errNotSent if the request
// cannot have reached the plugin.
func (s *streams[Q, R]) exchange(ctx context.Context, deadline time.Time, fill func(*Q), read func(*R)) error {
	if ctx.Err() != nil {
		return errNotSent
	}
	stream, err := s.take(ctx, deadline)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	fill(&stream.request)
	usable, err := stream.exchange(ctx, deadline)
	if err == nil {
		read(&stream.response)
	}
	if !usable || !s.put(stream) {
		stream.cancel()
		stream.expiry.stop()
	}
	return err
}

// exchange sends the request and receives the response. It reports whether the stream
// can carry another.
func (s *stream[Q, R]) exchange(ctx context.Context, deadline time.Time) (usable bool, err error) {
	s.expiry.watch(deadline)
	unwatch := func() bool { return true }
	if !action.EndsByDeadline(ctx) && ctx.Done() != nil { // expiry has the deadline
		unwatch = context.AfterFunc(ctx, s.cancel)
	}
	err = s.wire.Send(&s.request)
	if err != nil {
		// The stream had ended before: gRPC accepts a message whole or not at all.
		err = fmt.Errorf("%w: %w", errNotSent, s.reason(err))
	} else {
		// The message is reused, but its bytes are new each time.
		err = s.wire.RecvMsg(&s.response)
	}
	// Neither must end the next exchange on this stream.
	usable = s.expiry.release()
	usable = unwatch() && usable && err == nil
	return usable, err
}

// reason returns why the stream had ended when a request was to be sent: gRPC then
// returns io.EOF, and the status is what receiving returns.
func (s *stream[Q, R]) reason(sending error) error {
	if !errors.Is(sending, io.EOF) {
		return sending
	}
	if ended := s.wire.RecvMsg(&s.response); ended != nil {
		return ended
	}
	return sending
}

// take returns a stream that nothing uses. A new one may have to wait, because in
// gRPC a plugin may limit the number of streams.
func (s *streams[Q, R]) take(ctx context.Context, deadline time.Time) (*stream[Q, R], error) {
	s.mu.Lock()
	if last := len(s.idle) - 1; last >= 0 {
		stream := s.idle[last]
		s.idle = s.idle[:last]
		s.mu.Unlock()
		return stream, nil
	}
	s.mu.Unlock()
	life, cancel := context.WithCancel(s.ctx)
	stream := &stream[Q, R]{cancel: cancel, expiry: watchdog{onExpire: cancel}}
	stream.expiry.watch(deadline)
	unwatch := context.AfterFunc(ctx, cancel)
	wire, err := s.open(life)
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

// put keeps a stream for the next exchange, unless the pool is closed.
func (s *streams[Q, R]) put(stream *stream[Q, R]) bool {
	// An idle stream must not keep the last request and response in memory.
	reset(&stream.request)
	reset(&stream.response)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.idle = append(s.idle, stream)
	return true
}

// reset empties a message of protobuf.
func reset(message any) {
	if m, ok := message.(interface{ Reset() }); ok {
		m.Reset()
	}
}
