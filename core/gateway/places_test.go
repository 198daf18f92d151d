package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// client is a connection of a test to a gateway.
type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// dial opens a connection and sends a text.
func (l *listening) dial(t *testing.T, text string) *client {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.address)
	must(t, err)
	must(t, conn.(*net.TCPConn).SetReadBuffer(64<<10)) // else the system may take megabytes that nobody reads
	t.Cleanup(func() { _ = conn.Close() })             // some are closed before
	c := &client{conn, t, bufio.NewReader(conn)}
	c.send(text)
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	_, err := io.WriteString(c, text)
	must(c.t, err)
}

// status reads a response and returns its status and code.
func (c *client) status() (int, string) {
	c.t.Helper()
	must(c.t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	response, err := http.ReadResponse(c.r, nil)
	must(c.t, err)
	body, err := io.ReadAll(response.Body)
	must(c.t, err)
	must(c.t, response.Body.Close())
	return response.StatusCode, string(body)
}

func (c *client) want(status int) {
	c.t.Helper()
	if got, body := c.status(); got != status {
		c.t.Errorf("status %d, want %d: %s", got, status, body)
	}
}

// ends waits until the gateway has closed the connection.
func (c *client) ends() {
	c.t.Helper()
	must(c.t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	if _, err := io.Copy(io.Discard, c.r); err != nil {
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // as net returns it
			c.t.Error("the connection is still open")
		}
	}
}

func head(method, target, token string, length int) string {
	text := method + " " + target + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	if token != "" {
		text += "Authorization: Bearer " + token + "\r\n"
	}
	if length > 0 {
		text += fmt.Sprintf("Content-Length: %d\r\n", length)
	}
	return text + "\r\n"
}

func TestARequestWhoseBodyHasNotComeHoldsNeitherPlaceNorMemory(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxConcurrent = 1 })
	for name, text := range map[string]string{
		"a webhook":                         head("POST", "/webhooks/shop", "", 1<<20),
		"a webhook, in chunks":              "POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
		"a start of a run":                  head("POST", startPath, fullToken, 1000),
		"an action":                         head("POST", paymentsPath, fullToken, 1000) + `{"amount":`,
		"a request that needs no body":      head("GET", "/runs", fullToken, 10),
		"a public page with a body":         head("GET", "/healthz", "", 10),
		"a stranger at a path for callers":  head("POST", startPath, "", 1000),
		"one that waits to be asked for it": "POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
		"a path that does not exist":        head("POST", "/nothing", fullToken, 10),
	} {
		waiting := l.dial(t, text)
		for range 3 {
			l.dial(t, head("GET", "/runs", fullToken, 0)).want(200)
		}
		if n := l.arriving.inUse(); n != 0 {
			t.Errorf("%s: %d bytes are accounted for a body of which nothing came", name, n)
		}
		must(t, waiting.Close())
	}
}

func TestMemoryFollowsWhatHasCome(t *testing.T) {
	t.Parallel()
	l := listen(t)
	const sent = 100_000
	c := l.dial(t, head("POST", "/webhooks/shop", "", 1<<20)+strings.Repeat("x", sent))
	testkit.Eventually(t, 10*time.Second, "the body comes", func() bool { return l.arriving.inUse() >= sent })
	if held := l.arriving.inUse(); held > 2*sent {
		t.Errorf("%d bytes are held for %d that came", held, sent)
	}
	must(t, c.Close())
	testkit.Eventually(t, 10*time.Second, "nothing is held any more", func() bool { return l.arriving.inUse() == 0 })
}

// TestBodiesAreDroppedAtTheBound: which of them, TestTheSlowestTransferIsDroppedAtTheBound says.
func TestBodiesAreDroppedAtTheBound(t *testing.T) {
	t.Parallel()
	const part, small, bound = 1_000_000, 100_000, 8 << 20 // the least bound: 8 of the largest
	l := listen(t, func(o *Options) { o.Limits.MaxArriving = 1 })
	honest := l.dial(t, head("POST", paymentsPath, fullToken, small)+`{"amount":1,`+strings.Repeat(" ", small/2))
	const all, kept = 12, 5 // of those kept, one more would be over three quarters
	dropped, finish := make(chan string, all), make(chan struct{})
	for range all {
		c := l.dial(t, fmt.Sprintf("POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nX-Signature: bad\r\nContent-Length: %d\r\n\r\n", part+1))
		c.send(strings.Repeat("x", part))
		go func() {
			response, err := http.ReadResponse(c.r, nil)
			if err != nil {
				dropped <- err.Error()
				return
			}
			body, err := io.ReadAll(response.Body)
			dropped <- fmt.Sprint(response.StatusCode, string(body), err)
		}()
		go func() {
			<-finish
			_, _ = io.WriteString(c, "x") // one that was dropped takes no more
		}()
	}
	for range all - kept {
		if got := <-dropped; !strings.HasPrefix(got, "408") || !strings.Contains(got, `"code":"request_timeout"`) || !strings.Contains(got, "among the slowest") {
			t.Errorf("%s", got)
		}
	}
	testkit.Eventually(t, 10*time.Second, "the others are kept", func() bool { return l.arriving.inUse() >= small/2+kept*part })
	if held := l.arriving.inUse(); held > bound {
		t.Errorf("%d bytes are held", held)
	}
	honest.send(strings.Repeat(" ", small/2-len(`{"amount":1,"currency":"eur"}`)) + `"currency":"eur"}`)
	honest.want(200)
	close(finish)
	for range kept {
		if got := <-dropped; !strings.HasPrefix(got, "400") { // its signature was looked at
			t.Errorf("%s", got)
		}
	}
}

// TestAResponseThatNobodyReadsEndsItsConnection: over a pipe each write waits for
// the reader.
func TestAResponseThatNobodyReadsEndsItsConnection(t *testing.T) {
	t.Parallel()
	const secret = "a page of metrics"
	h := newHarness(t, func(o *Options) {
		o.Limits.WriteTimeout, o.Limits.MaxConcurrent = 20*time.Millisecond, 1
		o.Mounts = []Mount{Metrics(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(secret, 10_000)) // the client may not read
		}))}
	})
	h.integration.succeeds(`"` + strings.Repeat("x", 1<<20) + `"`)
	p := &pipes{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- h.Serve(ctx, p) }()
	for name, text := range map[string]string{
		"a result":          head("GET", paymentsPath+"/pay_1", fullToken, 0),
		"a refusal":         head("GET", "/runs", "", 0),
		"a list":            head("GET", "/runs", fullToken, 0),
		"a page of a mount": head("GET", "/metrics", fullToken, 0),
		"a public page":     head("GET", "/healthz", "", 0),
		"what is no HTTP":   "nonsense\r\n\r\n",
	} {
		near, far := net.Pipe()
		p.conns <- far
		_, err := io.WriteString(near, text)
		must(t, err)
		// The gateway closes its end of the pipe: then a write fails.
		testkit.Eventually(t, 10*time.Second, name+" ends its connection", func() bool {
			if err := near.SetWriteDeadline(time.Now().Add(time.Millisecond)); err != nil {
				return true
			}
			_, err := near.Write([]byte("x"))
			return err != nil && strings.Contains(err.Error(), "closed pipe")
		})
		must(t, near.Close())
	}
	if h.working.inUse() != 0 || h.leaving.inUse() != 0 {
		t.Errorf("%d places and %d bytes are still held", h.working.inUse(), h.leaving.inUse())
	}
	cancel()
	must(t, <-stopped)
}

func TestNobodyHoldsAPlaceWhileNotReading(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxConcurrent = 1 })
	l.integration.succeeds(`"` + strings.Repeat("x", 8<<20) + `"`) // more than the system keeps
	for i := range 4 {
		l.dial(t, strings.Repeat(head("GET", paymentsPath+"/pay_1", narrowToken, 0), 3))
		testkit.Eventually(t, 10*time.Second, "the response is on its way", func() bool { return l.leaving.inUse() > (i+1)*8<<20 })
	}
	if n := l.working.inUse(); n != 0 {
		t.Errorf("%d places are held", n)
	}
	l.dial(t, head("GET", "/runs", fullToken, 0)).want(200)
}

func TestTheSlowestReadersAreDroppedAtTheBound(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	l := listen(t, func(o *Options) { o.Limits.MaxLeaving = 1 }) // so 4 responses are the bound
	l.integration.succeeds(`"` + strings.Repeat("x", size-2) + `"`)
	var all []*client
	for i := range 8 {
		all = append(all, l.dial(t, head("GET", paymentsPath+"/pay_1", narrowToken, 0)))
		testkit.Eventually(t, 10*time.Second, "the response is on its way", func() bool { return len(l.integration.called()) == i+1 })
		if held := l.leaving.inUse(); held > 4*size {
			t.Errorf("%d bytes are held", held)
		}
	}
	all[0].ends()
	reader := l.dial(t, head("GET", paymentsPath+"/pay_1", fullToken, 0))
	if status, body := reader.status(); status != 200 || len(body) != size {
		t.Errorf("status %d and %d bytes for one that reads", status, len(body))
	}
}

// TestATokenCannotTakeEveryPlace, nor can a webhook.
func TestATokenCannotTakeEveryPlace(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxConcurrent = 8 })
	inside, leave := make(chan struct{}), make(chan struct{})
	l.integration.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
		if call.Action == "getPayment" {
			inside <- struct{}{}
			<-leave
		}
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	var flood []*client
	for range 6 { // three quarters
		flood = append(flood, l.dial(t, head("GET", paymentsPath+"/pay_1", narrowToken, 0)))
		<-inside
	}
	for range 5 {
		further := l.dial(t, head("GET", paymentsPath+"/pay_1", narrowToken, 0))
		if status, body := further.status(); status != 503 || !strings.Contains(body, `"code":"overloaded"`) {
			t.Errorf("%d %s", status, body)
		}
		// From the same address: another token, and webhooks.
		l.dial(t, head("GET", "/runs", fullToken, 0)).want(200)
		l.dial(t, "POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nX-Signature: bad\r\nContent-Length: 2\r\n\r\n{}").want(400)
	}
	close(leave)
	for _, c := range flood {
		c.want(200)
	}
}

func TestAnOverloadRefusesBeforeTheBody(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxConcurrent = 1 })
	l.working.tryAcquire("another")
	l.dial(t, head("POST", startPath, fullToken, 1000)).want(503) // nothing of the body was sent
	l.dial(t, head("POST", "/webhooks/shop", "", 1000)).want(503)
	l.working.release("another")
}

// TestWhoseShareARequestCountsAgainst: a caller's is its token's, whatever its
// address; a stranger's is its address's, at a webhook for that webhook alone.
func TestWhoseShareARequestCountsAgainst(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	hook := &operation{endpoint: endpoint{path: "/hook", shared: true}}
	for _, c := range []struct {
		remote, forwarded, token string
		op                       *operation
		want                     string
	}{
		{remote: "192.0.2.1:1", want: "address:192.0.2.1"},
		{remote: "[::ffff:192.0.2.1]:1", want: "address:192.0.2.1"},
		{remote: "[2001:db8:0:1::1]:1", want: "address:2001:db8:0:1::/64"},
		{remote: "[2001:db8:0:1:ffff::2]:9", want: "address:2001:db8:0:1::/64"},
		{remote: "[fe80::1%eth0]:9", want: "address:fe80::/64"},
		{remote: "192.0.2.1:1", op: hook, want: "path:/hook address:192.0.2.1"},
		{remote: "192.0.2.1:1", token: "token:shop", want: "token:shop"},
		{remote: "10.0.0.1:1", forwarded: "198.51.100.7", want: "address:198.51.100.7"},
		{remote: "10.0.0.1:1", forwarded: "198.51.100.7", token: "token:shop", want: "token:shop"},
		{remote: "10.0.0.1:1", forwarded: "2001:db8::5, 10.0.0.2", want: "address:2001:db8::/64"},
		{remote: "192.0.2.1:1", forwarded: "198.51.100.7", want: "address:192.0.2.1"},
	} {
		x := &requestContext{Gateway: h.Gateway, table: &table{Routes: Routes{TrustedProxies: proxies}}, operation: c.op}
		if x.operation == nil {
			x.operation = &operation{}
		}
		if c.token != "" {
			x.caller = &caller{id: c.token}
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := x.holderOf(r); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestConnectionsThatWaitForTheirClientsMakeRoom(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxConnections = 4 })
	inside, leave := make(chan struct{}), make(chan struct{})
	l.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		inside <- struct{}{}
		<-leave
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	worked := l.dial(t, head("GET", paymentsPath+"/pay_1", fullToken, 0))
	<-inside
	silent := l.dial(t, "")
	headOnly := l.dial(t, "GET /runs HTTP/1.1\r\nHost:")
	served := l.dial(t, head("GET", "/runs", fullToken, 0)) // all four are open
	served.want(200)
	for range 20 {
		l.dial(t, head("GET", "/runs", fullToken, 0)).want(200)
	}
	silent.ends()
	headOnly.ends()
	served.ends()
	close(leave)
	worked.want(200)
}

func TestAConnectionMoreWaitsWhereAllAreWorkedFor(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxConnections = 2 })
	inside, leave := make(chan struct{}), make(chan struct{})
	l.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		inside <- struct{}{}
		<-leave
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	for range 2 {
		l.dial(t, head("GET", paymentsPath+"/pay_1", fullToken, 0))
		<-inside
	}
	further := l.dial(t, head("GET", "/runs", fullToken, 0))
	close(leave)
	further.want(200)
}

// TestWhatAStreamHasToSendIsAccountedFor, also while it is encoded part by part.
func TestWhatAStreamHasToSendIsAccountedFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[{"id":"each","type":"foreach","items":[1,2,3,4,5],"steps":[{"id":"pay","type":"integration","integration":"shop","action":"createPayment","params":{"amount":1}}]}]`)
	h.integration.succeeds(`"` + strings.Repeat("x", workflow.MaxShownResult-2) + `"`)
	id := h.start()
	h.is(id, "succeeded")
	p := &pipes{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- h.Serve(ctx, p) }()
	near, far := net.Pipe()
	p.conns <- far
	_, err := io.WriteString(near, head("GET", "/runs/"+id+"/stream", fullToken, 0))
	must(t, err)
	testkit.Eventually(t, 10*time.Second, "all events that were read are accounted for", func() bool { return h.leaving.inUse() >= 3*workflow.MaxShownResult })
	must(t, near.Close())
	testkit.Eventually(t, 10*time.Second, "nothing is held any more", func() bool { return h.leaving.inUse() == 0 && h.streaming.inUse() == 0 })
	cancel()
	must(t, <-stopped)
}
