package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// listening is a harness that serves on a real listener.
type listening struct {
	*harness
	address string
	stop    context.CancelFunc
	stopped chan error
	client  *http.Client
}

func listen(t *testing.T, change ...func(*Options)) *listening {
	t.Helper()
	h := newHarness(t, change...)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	l := &listening{harness: h, address: listener.Addr().String(), stop: cancel, stopped: make(chan error, 1), client: &http.Client{Transport: &http.Transport{}}}
	served := make(chan struct{})
	go func() {
		defer close(served)
		l.stopped <- h.Serve(ctx, listener)
	}()
	t.Cleanup(func() {
		l.client.CloseIdleConnections()
		cancel()
		<-served
	})
	return l
}

// do sends a request as the full token.
func (l *listening) do(method, path, body string) (int, string, error) {
	r := request(method, "http://"+l.address+path, body)
	r.RequestURI = ""
	resp, err := l.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// raw sends bytes on a connection of its own and returns what comes back until
// the server closes it.
func (l *listening) raw(t *testing.T, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", l.address)
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	response, err := io.ReadAll(conn)
	if err != nil && len(response) == 0 {
		t.Fatal(err)
	}
	return string(response)
}

func TestTooLargeHeadersAreRefused(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxHeaderBytes = 1 << 10 })
	response := l.raw(t, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: "+strings.Repeat("x", 8<<10)+"\r\n\r\n")
	if !strings.HasPrefix(response, "HTTP/1.1 431 ") {
		t.Errorf("%.100s", response)
	}
}

func TestASlowRequestIsCutOff(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) {
		o.Limits.ReadTimeout, o.Limits.HeaderTimeout = 250*time.Millisecond, 250*time.Millisecond
	})
	head := "POST /integrations/shop/payments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
	response := l.raw(t, head+"Authorization: Bearer "+fullToken+"\r\n\r\n{\"amo")
	if !strings.HasPrefix(response, "HTTP/1.1 408 ") || !strings.Contains(response, `"code":"request_timeout"`) {
		t.Errorf("%s", response)
	}
	// A client that gets its response before the body is read cannot hold the
	// connection either.
	if response := l.raw(t, head+"\r\n{\"amo"); !strings.HasPrefix(response, "HTTP/1.1 401 ") {
		t.Errorf("%s", response)
	}
	// Nor can one that never ends the headers.
	l.raw(t, "GET /healthz HTTP/1.1\r\nHost:")
	l.wantCalls(0)
}

func TestACutOffBodyReachesNoAction(t *testing.T) {
	t.Parallel()
	l := listen(t)
	conn, err := net.Dial("tcp", l.address)
	must(t, err)
	_, err = io.WriteString(conn, "POST /integrations/shop/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+fullToken+
		"\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{\"amount\":1}")
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	response, err := io.ReadAll(conn)
	must(t, err)
	must(t, conn.Close())
	if !strings.HasPrefix(string(response), "HTTP/1.1 400 ") {
		t.Errorf("%s", response)
	}
	l.wantCalls(0)
}

// TestACallMayTakeLongerThanReadingARequest: the read deadline of net/http goes
// on running after the body was read, and would cancel the request's context.
func TestACallMayTakeLongerThanReadingARequest(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.ReadTimeout = 100 * time.Millisecond })
	l.integration.does(func(ctx context.Context, _ sdk.Call) (sdk.Result, error) {
		select {
		case <-ctx.Done():
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Message: ctx.Err().Error()}
		case <-time.After(400 * time.Millisecond): // longer than ReadTimeout: the time itself is what is tested
			return sdk.Result{Body: []byte(`{}`)}, nil
		}
	})
	for range 2 { // the second on the same connection
		if status, body, err := l.do("GET", "/integrations/shop/payments/pay_1", ""); err != nil || status != 200 {
			t.Errorf("%d %s %v", status, body, err)
		}
	}
}

func TestAReadEndsWithItsClient(t *testing.T) {
	t.Parallel()
	l := listen(t)
	inside, ended := make(chan struct{}), make(chan struct{})
	l.integration.does(func(ctx context.Context, _ sdk.Call) (sdk.Result, error) {
		close(inside)
		<-ctx.Done()
		close(ended)
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout}
	})
	conn, err := net.Dial("tcp", l.address)
	must(t, err)
	_, err = io.WriteString(conn, "GET /integrations/shop/payments/pay_1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+fullToken+"\r\n\r\n")
	must(t, err)
	<-inside
	must(t, conn.Close())
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the call goes on")
	}
}

func TestAPanicIsOne500(t *testing.T) {
	t.Parallel()
	l := listen(t)
	l.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) { panic("boom") })
	for range 3 {
		status, body, err := l.do("POST", paymentsPath, `{"amount":1}`)
		if err != nil || status != 500 || !strings.Contains(body, `"code":"internal"`) || strings.Contains(body, "boom") {
			t.Errorf("%d %s %v", status, body, err)
		}
	}
	if log := l.log.String(); !strings.Contains(log, "boom") || !strings.Contains(log, "server_test.go") {
		t.Error("the log has no stack")
	}
	if status, _, err := l.do("GET", "/healthz", ""); err != nil || status != 200 {
		t.Errorf("%d %v", status, err)
	}
	if l.working.inUse() != 0 {
		t.Error("a place is still held")
	}
}

func TestOverloadFailsEarly(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxConcurrent = 2 })
	inside, leave := make(chan struct{}), make(chan struct{})
	l.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		inside <- struct{}{}
		<-leave
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if status, body, err := l.do("POST", paymentsPath, `{"amount":1}`); err != nil || status != 200 {
				t.Errorf("%d %s %v", status, body, err)
			}
		})
		<-inside
	}
	for range 5 {
		if status, body, err := l.do("GET", "/workflows", ""); err != nil || status != 503 || !strings.Contains(body, `"code":"overloaded"`) {
			t.Errorf("%d %s %v", status, body, err)
		}
	}
	if status, _, err := l.do("GET", "/healthz", ""); err != nil || status != 200 {
		t.Errorf("/healthz under overload: %d %v", status, err)
	}
	close(leave)
	wg.Wait()
	if status, _, err := l.do("GET", "/workflows", ""); err != nil || status != 200 {
		t.Errorf("after the overload: %d %v", status, err)
	}
}

func TestAStopLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	l := listen(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	l.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		close(inside)
		<-leave
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	finished := make(chan string)
	go func() {
		status, body, err := l.do("POST", paymentsPath, `{"amount":1}`)
		finished <- fmt.Sprint(status, body, err)
	}()
	<-inside
	l.stop()
	<-l.stopping.Done()
	wantStatus(t, l.send("GET", "/readyz", ""), 503)
	wantStatus(t, l.send("GET", "/healthz", ""), 200)
	close(leave)
	if got := <-finished; got != "200{}<nil>" {
		t.Error(got)
	}
	must(t, <-l.stopped)
}

func TestAStopDoesNotWaitForRuns(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	l := listen(t, func(o *Options) {
		o.Runs = scriptedRuns{Runs: o.Runs,
			start: func(engine.StartRequest) (engine.Run, error) {
				return engine.Run{ID: "r1", Status: "queued"}, nil
			},
			wait: func(ctx context.Context) (engine.Run, error) {
				close(waiting)
				<-ctx.Done()
				return engine.Run{ID: "r1", Status: "running"}, nil
			}}
	})
	status := make(chan int)
	go func() {
		code, _, _ := l.do("POST", startPath+"?wait=10m", "{}")
		status <- code
	}()
	<-waiting
	l.stop()
	if code := <-status; code != 202 {
		t.Errorf("the waiter got %d", code)
	}
	must(t, <-l.stopped)
}

func TestADrainEnds(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.DrainTimeout = 20 * time.Millisecond })
	inside, leave := make(chan struct{}), make(chan struct{})
	l.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		close(inside)
		<-leave
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	done := make(chan error)
	go func() {
		_, _, err := l.do("POST", paymentsPath, `{"amount":1}`)
		done <- err
	}()
	<-inside
	l.stop()
	if err := <-l.stopped; err == nil || !strings.Contains(err.Error(), "cut off after 20ms") {
		t.Errorf("%v", err)
	}
	if err := <-done; err == nil {
		t.Error("the request succeeded")
	}
	close(leave)
	testkit.Eventually(t, 10*time.Second, "the call has ended, in its own time", func() bool { return l.working.inUse() == 0 })
}

func TestReadinessIsShown(t *testing.T) {
	t.Parallel()
	var ok atomic.Bool
	h := newHarness(t, func(o *Options) {
		o.Ready = func() Readiness {
			return Readiness{Ready: ok.Load(), Status: "starting", Integrations: map[string]action.Status{"shop": {State: action.StateStarting}}}
		}
	})
	if rec := h.send("GET", "/readyz", "", "Authorization:"); rec.Code != 503 || rec.Body.String() != `{"status":"starting","integrations":{"shop":{"state":"starting"}}}` {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	ok.Store(true)
	wantStatus(t, h.send("GET", "/readyz", "", "Authorization:"), 200)
	wantStatus(t, h.send("POST", "/readyz", "", "Authorization:"), 405)
}

func TestServeSaysWhyItEnded(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	if err := h.Serve(t.Context(), listener); err == nil {
		t.Error("no error from a closed listener")
	}
	if _, err := New(Options{}); err == nil {
		t.Error("a gateway without parts")
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	t.Parallel()
	l := listen(t)
	conn, err := net.Dial("tcp", l.address)
	must(t, err)
	defer conn.Close()
	for _, path := range []string{"/workflows", "/integrations/shop/payments/pay_1"} {
		_, err = io.WriteString(conn, "HEAD "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+fullToken+"\r\n\r\n")
		must(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: "HEAD"})
		must(t, err)
		must(t, resp.Body.Close())
		if resp.StatusCode != 200 || resp.ContentLength <= 0 {
			t.Errorf("HEAD %s: %d, length %d", path, resp.StatusCode, resp.ContentLength)
		}
	}
}
