package gateway

import (
	linked "container/list"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// writeChunk is how many bytes a client must take within WriteTimeout.
	writeChunk = 16 << 10
	// sendBuffer is how many bytes the system may keep of what a client has not
	// taken. The system's own choice grows to megabytes: what a client does not
	// read would cost that much, and a third of it would have to drain before a
	// write goes on, longer than WriteTimeout for a client that is merely slow.
	sendBuffer = 128 << 10
)

// connections is a listener that bounds how many connections are open, and gives
// each write a time. At the bound it closes those that wait for their client, the
// one that has done so for longest first: a client that is idle, or slow to send
// or to read, keeps nobody out. Connections that the gateway works for are not
// closed; where there are no others, a further one waits. It is safe for concurrent
// use.
type connections struct {
	net.Listener
	limit        int
	writeTimeout time.Duration

	mu      sync.Mutex // guards the fields below, and the element of each connection
	changed *sync.Cond // open has shrunk, idle has grown, or closed is set
	open    int
	idle    *linked.List // of *connection that wait for their clients, the longest first
	closed  bool
}

func newConnections(listener net.Listener, limit int, writeTimeout time.Duration) *connections {
	l := &connections{Listener: listener, limit: limit, writeTimeout: writeTimeout, idle: linked.New()}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// Accept returns the next connection once there is room for it.
func (l *connections) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := accepted.(*net.TCPConn); ok {
		// Without it the system chooses, which is no reason to refuse the client.
		_ = tcp.SetWriteBuffer(sendBuffer)
	}
	c := &connection{Conn: accepted, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.open >= l.limit {
		if l.closed {
			return nil, errors.Join(net.ErrClosed, accepted.Close())
		}
		if e := l.idle.Front(); e != nil {
			longest, _ := e.Value.(*connection)
			l.mu.Unlock()
			_ = longest.Close() // what matters is that it is gone
			l.mu.Lock()
			continue
		}
		l.changed.Wait()
	}
	l.open++
	c.element = l.idle.PushBack(c)
	return c, nil
}

// Close closes the listener; connections stay open.
func (l *connections) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.changed.Broadcast()
	return l.Listener.Close()
}

// connection is one connection of a client. Its methods but for those of net.Conn
// do nothing on a nil connection, which a request in a test has.
type connection struct {
	net.Conn
	listener *connections
	element  *linked.Element // in the listener's idle; nil while the gateway works for it
	gone     bool            // guarded by the listener's mu
	aborted  atomic.Bool
}

// Write writes all of p. The client must take each part of writeChunk bytes within
// the time for it.
func (c *connection) Write(p []byte) (n int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.listener.writeTimeout)); err != nil {
			return n, err
		}
		if c.aborted.Load() {
			return n, os.ErrDeadlineExceeded
		}
		written, err := c.Conn.Write(p[n:min(len(p), n+writeChunk)])
		n += written
		if err != nil || n == len(p) {
			return n, err
		}
		c.progressed()
	}
}

// CloseWrite ends the direction to the client.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection and makes room for another.
func (c *connection) Close() error {
	l := c.listener
	l.mu.Lock()
	c.leaveIdle()
	if !c.gone {
		c.gone = true
		l.open--
	}
	l.mu.Unlock()
	l.changed.Broadcast()
	return c.Conn.Close()
}

// abortRead has a read of the client's body fail at once.
func (c *connection) abortRead() {
	if c != nil {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // fails for one that is closed alone
	}
}

// abortWrite has writes to the client fail from now on.
func (c *connection) abortWrite() {
	if c != nil {
		c.aborted.Store(true)
		_ = c.SetWriteDeadline(time.Unix(1, 0)) // fails for one that is closed alone
	}
}

// worked notes that the gateway works for the client: the connection is not closed
// to make room.
func (c *connection) worked() {
	if c != nil {
		c.listener.mu.Lock()
		defer c.listener.mu.Unlock()
		c.leaveIdle()
	}
}

// waits notes that it is the client's turn to send or to read.
func (c *connection) waits() {
	if c == nil {
		return
	}
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.element == nil && !c.gone {
		c.element = l.idle.PushBack(c)
		l.changed.Broadcast()
	}
}

// progressed notes that the client has sent or taken something.
func (c *connection) progressed() {
	if c != nil {
		c.listener.mu.Lock()
		defer c.listener.mu.Unlock()
		if c.element != nil {
			c.listener.idle.MoveToBack(c.element)
		}
	}
}

// leaveIdle takes the connection out of those that wait; the lock is held.
func (c *connection) leaveIdle() {
	if c.element != nil {
		c.listener.idle.Remove(c.element)
		c.element = nil
	}
}

type connectionKey struct{}

// withConnection is for http.Server.ConnContext.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// connectionOf returns the connection of a request, nil where it has none.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}
