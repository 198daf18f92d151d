package gateway

import "time"

// Limits bound what a listener takes on. They hold from the start to the end
// of the process. A zero field is its default.
type Limits struct {
	// MaxHeaderBytes bounds request line and headers; net/http allows 4 KiB
	// more and responds with 431. Default 32 KiB.
	MaxHeaderBytes int
	// MaxConnections bounds open connections. For one more, the connection is
	// closed that has waited for its client for longest. Default 10000, and no
	// more than half of the files that the process may open.
	MaxConnections int
	// MaxConcurrent bounds the requests that are worked on at once; one more
	// gets 503 at once. A request counts once its body is there, until its response
	// begins. Default 1024.
	MaxConcurrent int
	// MaxArriving bounds the bytes of all bodies that are arriving; at the bound
	// the slowest get 408. It is at least 8 times the largest body of the config.
	// A body of up to 4 KiB is not counted. Default 64 MiB.
	MaxArriving int
	// MaxLeaving bounds the bytes of all responses that are being sent; at the
	// bound the connections of the slowest readers are closed. It is at least 4
	// times the response. One of up to 16 KiB is not counted. Default 128 MiB.
	MaxLeaving int
	// MaxWaiting bounds the requests that wait for a run to end, or for a vendor that
	// is busy; one more gets 202, or the vendor's refusal, at once. Default 4096.
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
	// WriteTimeout bounds the time in which a client takes each 16 KiB of what is
	// sent, whatever it is; then the connection is closed. Default 10 s.
	WriteTimeout time.Duration
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.MaxHeaderBytes, 32<<10)
	setDefault(&l.MaxConnections, 10_000)
	setDefault(&l.MaxConcurrent, 1024)
	setDefault(&l.MaxArriving, 64<<20)
	setDefault(&l.MaxLeaving, 128<<20)
	setDefault(&l.MaxWaiting, 4096)
	setDefault(&l.MaxStreams, 1024)
	setDefault(&l.HeaderTimeout, 10*time.Second)
	setDefault(&l.ReadTimeout, 30*time.Second)
	setDefault(&l.IdleTimeout, 2*time.Minute)
	setDefault(&l.DrainTimeout, 20*time.Second)
	setDefault(&l.Heartbeat, 15*time.Second)
	setDefault(&l.WriteTimeout, 10*time.Second)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
