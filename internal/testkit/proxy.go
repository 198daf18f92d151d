package testkit

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands between a client and a server and cuts connections. Its methods are safe
// for concurrent use.
type Proxy struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	// refuses: new connections are closed at once.
	refuses atomic.Bool

	mu    sync.Mutex // guards below
	conns []net.Conn

	cutting sync.Mutex // guards below, and is held while cut runs
	cut     func(Passing) bool
}

// Passing is a piece of what passes a Proxy.
type Passing struct {
	// Reply: it comes from the server.
	Reply bool
	// Data is valid during the call only.
	Data []byte
}

// StartProxy runs a proxy in front of a server until the test ends.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close() // ends accept
		p.CutAll()
		p.wg.Wait()
	})
	return p
}

// Addr is the proxy's host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetCut sets what decides for a piece whether its connection is closed instead of passing
// it on. It is called for one piece at a time, and may call the other methods but this. Nil
// passes all.
func (p *Proxy) SetCut(cut func(Passing) bool) {
	p.cutting.Lock()
	defer p.cutting.Unlock()
	p.cut = cut
}

// CutAll closes all connections, and returns how many were open.
func (p *Proxy) CutAll() (open int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		if c.Close() == nil { // not closed before
			open++
		}
	}
	p.conns = nil
	return open / 2 // each has two ends
}

// Refuse makes the proxy close new connections at once, or no longer.
func (p *Proxy) Refuse(refuse bool) { p.refuses.Store(refuse) }

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		refuses := p.refuses.Load()
		var server net.Conn
		if !refuses {
			server, err = net.Dial("tcp", p.target)
		}
		if refuses || err != nil {
			_ = client.Close() // as if refused
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.wg.Go(func() { p.pass(client, server, false) })
		p.wg.Go(func() { p.pass(server, client, true) })
	}
}

func (p *Proxy) pass(from, to net.Conn, reply bool) {
	defer func() { _, _ = from.Close(), to.Close() }() // cut on purpose
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if p.cuts(Passing{Reply: reply, Data: buffer[:n]}) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *Proxy) cuts(chunk Passing) bool {
	p.cutting.Lock()
	defer p.cutting.Unlock()
	return p.cut != nil && p.cut(chunk)
}
