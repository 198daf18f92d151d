package gateway

import "time"

// Limits bound what a listener takes on. They hold from the start to the end
// of the process. A zero field is its default.
type Limits struct {
	// MaxHeaderBytes bounds request line and headers; net/http allows 4 KiB
	// more and responds with 431. Default 32 KiB.
	MaxHeaderBytes int
	// MaxConnections bounds open connections; further ones wait in the
	// listener's backlog. Default 10000.
	MaxConnections int
	// MaxConcurrent bounds the requests that are worked on at once; one more
	// gets 503 at once. Default 1024.
	MaxConcurrent int
	// MaxWaiting bounds the requests that wait for a run to end; one more
	// gets 202 at once. Default 4096.
	MaxWaiting int
	// MaxStreams bounds the requests that follow a run; one more gets 503 at
	// once. Default 1024.
	MaxStreams int
	// HeaderTimeout bounds the time from a request's first byte to the end of
	// its headers. Default 10 s.
	HeaderTimeout time.Duration
	// ReadTimeout bounds the time to the end of the body. Default 30 s.
	ReadTimeout time.Duration
	// IdleTimeout is how long a connection is kept open for the next request.
	// Default 2 min.
	IdleTimeout time.Duration
	// DrainTimeout is how long requests under way may take to finish when the
	// gateway stops. Default 20 s.
	DrainTimeout time.Duration
	// Heartbeat is how often a stream in which nothing happens shows that it is
	// alive. Default 15 s.
	Heartbeat time.Duration
	// StreamWriteTimeout bounds the time in which a client that follows a run
	// takes what was sent; then the stream is cut. Default 10 s.
	StreamWriteTimeout time.Duration
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.MaxHeaderBytes, 32<<10)
	setDefault(&l.MaxConnections, 10_000)
	setDefault(&l.MaxConcurrent, 1024)
	setDefault(&l.MaxWaiting, 4096)
	setDefault(&l.MaxStreams, 1024)
	setDefault(&l.HeaderTimeout, 10*time.Second)
	setDefault(&l.ReadTimeout, 30*time.Second)
	setDefault(&l.IdleTimeout, 2*time.Minute)
	setDefault(&l.DrainTimeout, 20*time.Second)
	setDefault(&l.Heartbeat, 15*time.Second)
	setDefault(&l.StreamWriteTimeout, 10*time.Second)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// limiter has a number of slots. A request that finds none fails at once instead
// of queueing, because a queue would grow under overload.
type limiter chan struct{}

func newLimiter(places int) limiter { return make(limiter, places) }

func (l limiter) tryAcquire() bool {
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l limiter) release() { <-l }
