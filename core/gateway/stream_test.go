package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// sentEvent is an event as a stream sends it.
type sentEvent struct {
	id    int
	event string
	data  string
}

// readEvent reads the next event, false at the end of the stream; comments are
// counted.
func readEvent(t testing.TB, r *bufio.Reader, comments *int) (e sentEvent, ok bool) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return e, false
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			e.id, err = strconv.Atoi(value)
			must(t, err)
		case "event":
			e.event = value
		case "data":
			e.data = value
		case "":
			if e.id > 0 {
				return e, true
			}
			*comments++
		default:
			t.Fatalf("line %q", line)
		}
	}
}

// stream reads a whole stream from after an event.
func (h *harness) stream(id string, after int) []sentEvent {
	h.t.Helper()
	rec := h.send("GET", "/runs/"+id+"/stream", "", "Last-Event-ID: "+strconv.Itoa(after))
	wantStatus(h.t, rec, 200)
	if got := rec.Header().Get("Content-Type"); got != "text/event-stream" {
		h.t.Errorf("Content-Type %s", got)
	}
	var all []sentEvent
	r := bufio.NewReader(rec.Body)
	for {
		e, ok := readEvent(h.t, r, new(int))
		if !ok {
			return all
		}
		all = append(all, e)
	}
}

func TestAStreamTellsAllOfARun(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"output":{"paid":"{{steps.pay.result.id}}"},"steps":[` + payStep + `,"retry":{"initialInterval":"1ms","maxAttempts":10}},
		{"id":"approval","type":"waitForEvent","event":"approved"},
		{"id":"mail","type":"integration","integration":"shop","action":"sendMail","onError":"continue","retry":{"maxAttempts":10}}]`)
	tries := 0
	h.integration.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
		tries++
		switch {
		case tries == 1:
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: "busy with ***", Retryable: true, Outcome: sdk.OutcomeNotExecuted, Details: json.RawMessage(`{"queue":7}`)}
		case call.Action == "sendMail":
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeRejected, Message: "no such address", Final: true, Outcome: sdk.OutcomeNotExecuted}
		}
		return sdk.Result{Body: []byte("{\n  \"id\": \"pay_1\",\n  \"amount\": 12345678901234567890\n}")}, nil
	})
	id := h.start()
	wantStatus(t, h.send("POST", "/runs/"+id+"/signals/approved", `{"by":"Ann"}`), 202)
	h.is(id, workflow.RunSucceeded)
	want := []string{
		`{"type":"started","status":"queued"}`,
		`{"type":"scheduled","path":"pay","status":"running","attempts":1,"attempt":1,"maxAttempts":10}`,
		`{"type":"attemptFailed","path":"pay","status":"waiting","attempts":1,"waitingFor":"retry","waitingUntil":"","retryAt":"","attempt":1,"maxAttempts":10,"error":{"type":"https://github.com/backflow/backflow/blob/main/docs/errors.md#unavailable","title":"Unavailable","status":503,"detail":"busy with ***","code":"unavailable","step":"pay","shop":{"queue":7}}}`,
		`{"type":"retried","path":"pay","status":"running","attempts":2,"attempt":2,"maxAttempts":10}`,
		`{"type":"succeeded","path":"pay","status":"succeeded","attempts":2,"result":{"id":"pay_1","amount":12345678901234567890}}`,
		`{"type":"waiting","path":"approval","status":"waiting","signal":"approved","waitingFor":"signal"}`,
		`{"type":"succeeded","path":"approval","status":"succeeded","result":{"by":"Ann"}}`,
		`{"type":"scheduled","path":"mail","status":"running","attempts":1,"attempt":1,"maxAttempts":10}`,
		`{"type":"failed","path":"mail","status":"failed","attempts":1,"error":{"type":"https://github.com/backflow/backflow/blob/main/docs/errors.md#rejected","title":"Request rejected","status":400,"detail":"no such address","code":"rejected","step":"mail"}}`,
		`{"type":"ended","status":"succeeded","result":{"paid":"pay_1"}}`,
	}
	all := h.stream(id, 0)
	for i, e := range all {
		if i >= len(want) {
			t.Fatalf("%d: %+v", i+1, e)
		}
		var doc eventJSON
		must(t, json.Unmarshal([]byte(e.data), &struct{ At *time.Time }{&doc.At.Time}))
		data := strings.Replace(e.data, `"at":"`+doc.At.Format(value.TimeFormat)+`",`, "", 1)
		if i == 2 {
			at := data[strings.Index(data, `"retryAt":"`)+len(`"retryAt":"`):]
			data = strings.ReplaceAll(data, at[:strings.Index(at, `"`)], "") // also of waitingUntil
		}
		if data != want[i] || e.id != i+1 || !strings.Contains(e.data, `{"type":"`+e.event+`"`) || doc.At.Location() != time.UTC {
			t.Errorf("%+v\nwant %s", e, want[i])
		}
	}
	if len(all) != len(want) {
		t.Fatalf("%d events, want %d", len(all), len(want))
	}
	for after := range len(all) {
		rest := h.stream(id, after)
		if len(rest) != len(all)-after || rest[0] != all[after] {
			t.Errorf("after %d: %+v", after, rest)
		}
	}
}

func TestAStreamBeginsWhereItIsAskedTo(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[` + payStep + `}]`)
	id := h.start()
	h.is(id, workflow.RunSucceeded)
	last := strconv.Itoa(len(h.stream(id, 0)))
	for _, c := range []struct {
		method, run, last string
		status            int
	}{
		{"GET", id, "", 200},
		{"HEAD", id, "", 200},
		{"GET", id, last, 204}, // which ends an EventSource
		{"GET", id, last + "0", 400},
		{"GET", id, "x", 400},
		{"GET", id, "-1", 400},
		{"GET", id, "1.5", 400},
		{"GET", id, "99999999999999999999", 400},
		{"GET", "none", "", 404},
		{"GET", "none", last, 404},
		{"POST", id, "", 405},
	} {
		rec := h.send(c.method, "/runs/"+c.run+"/stream", "", "Last-Event-ID: "+c.last)
		if rec.Code != c.status || (c.status == 204 || c.method == "HEAD") && rec.Body.Len() > 0 {
			t.Errorf("%+v: %d %s", c, rec.Code, rec.Body)
		}
	}
	wantCode(t, h.send("GET", "/runs/"+id+"/stream?after=1", ""), 400, codeBadRequest)
	r := request("GET", "/runs/"+id+"/stream", "")
	r.Header["Last-Event-Id"] = []string{"1", "2"}
	wantCode(t, serve(h, r), 400, codeBadRequest)
	h.store.down.Store(true)
	wantCode(t, h.send("GET", "/runs/"+id+"/stream", ""), 503, sdk.CodeUnavailable)
}

// open opens a stream over a connection.
func (l *listening) open(t *testing.T, id string, after int) *http.Response {
	t.Helper()
	r := request("GET", "http://"+l.address+"/runs/"+id+"/stream", "", "Last-Event-ID: "+strconv.Itoa(after))
	r.RequestURI = ""
	res, err := l.client.Do(r)
	must(t, err)
	return res
}

func TestAStreamThatIsReopenedLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	l := listen(t)
	l.define(`"steps":[{"id":"each","type":"foreach","items":"{{input.items}}","concurrency":3,"steps":[{"id":"pay","type":"integration","integration":"shop","action":"createPayment","params":{"amount":1}}]}]`)
	next := make(chan struct{})
	l.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		<-next
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	rec := l.send("POST", "/workflows/flow/runs", `{"items":[`+strings.Repeat("0,", 19)+`0]}`)
	wantStatus(t, rec, 202)
	id := fields(t, rec.Body.Bytes())["id"].(string)
	var feeding sync.WaitGroup
	feeding.Go(func() {
		for range 20 {
			next <- struct{}{}
		}
	})
	var seen []sentEvent
	reopened := 0
	for done := false; !done; reopened++ {
		res := l.open(t, id, len(seen))
		wantOK(t, res)
		r := bufio.NewReader(res.Body)
		for range 1 + reopened%4 {
			e, ok := readEvent(t, r, new(int))
			if !ok {
				t.Fatal("the stream ended before the run")
			}
			seen = append(seen, e)
			if done = e.event == "ended"; done {
				break
			}
		}
		must(t, res.Body.Close()) // in the middle of the stream
	}
	feeding.Wait()
	whole := l.stream(id, 0)
	if fmt.Sprint(seen) != fmt.Sprint(whole) || len(whole) < 40 || reopened < 10 {
		t.Errorf("%d events over %d streams, want %d:\n%v\n%v", len(seen), reopened, len(whole), seen, whole)
	}
	for i, e := range seen {
		if e.id != i+1 {
			t.Fatalf("event %d has id %d", i+1, e.id)
		}
	}
	testkit.Eventually(t, 10*time.Second, "all streams have ended", func() bool { return l.streaming.inUse() == 0 })
}

func TestALongRunIsStreamedInParts(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[{"id":"each","type":"foreach","items":[1,2,3,4,5],"steps":[{"id":"pay","type":"integration","integration":"shop","action":"createPayment","params":{"amount":1}}]}]`)
	h.integration.succeeds(`"` + strings.Repeat("x", streamChunk) + `"`)
	id := h.start()
	h.is(id, workflow.RunSucceeded)
	all := h.stream(id, 0)
	if rest := h.stream(id, 3); len(all) < 12 || fmt.Sprint(rest) != fmt.Sprint(all[3:]) {
		t.Errorf("%d events, then %d", len(all), len(rest))
	}
}

func wantOK(t *testing.T, res *http.Response) {
	t.Helper()
	if res.StatusCode != 200 {
		t.Fatalf("status %d", res.StatusCode)
	}
}

func TestAStreamGoesOnAfterARetry(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[` + payStep + `}]`)
	h.integration.fails(sdk.Error{Code: sdk.CodeDeclined, Final: true, Outcome: sdk.OutcomeNotExecuted})
	id := h.start()
	h.is(id, workflow.RunFailed)
	before := len(h.stream(id, 0))
	h.integration.succeeds(`{}`)
	wantStatus(t, h.send("POST", "/runs/"+id+"/retry?wait=10s", ""), 200)
	rest := h.stream(id, before)
	if rest[0].event != "retry" || rest[len(rest)-1].event != "ended" || !strings.Contains(rest[1].data, `"attempts":2`) {
		t.Errorf("%+v", rest)
	}
}

func TestAStreamShowsThatItLivesAndEndsWithItsClient(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) {
		o.Limits.Heartbeat, o.Limits.MaxConcurrent, o.Limits.ReadTimeout = 5*time.Millisecond, 1, 50*time.Millisecond
	})
	l.define(`"steps":[{"id":"wait","type":"waitForEvent","event":"go"}]`)
	id := l.start()
	l.is(id, workflow.RunWaiting)
	res := l.open(t, id, 0)
	wantOK(t, res)
	r, comments := bufio.NewReader(res.Body), 0
	for range 2 {
		if _, ok := readEvent(t, r, &comments); !ok {
			t.Fatal("the stream ended")
		}
	}
	for range 30 { // longer than a request may take to arrive
		line, err := r.ReadString('\n')
		must(t, err)
		if line != "\n" && !strings.HasPrefix(line, ":") {
			t.Fatalf("%q", line)
		}
	}
	wantStatus(t, l.send("GET", "/runs", ""), 200) // it holds no place of those that are worked on
	must(t, res.Body.Close())
	testkit.Eventually(t, 10*time.Second, "the stream has ended", func() bool { return l.streaming.inUse() == 0 })
}

func TestStreamsEndWhenTheGatewayStops(t *testing.T) {
	t.Parallel()
	l := listen(t)
	l.define(`"steps":[{"id":"wait","type":"waitForEvent","event":"go"}]`)
	id := l.start()
	res := l.open(t, id, 0)
	wantOK(t, res)
	l.stop()
	_, err := io.ReadAll(res.Body)
	must(t, err) // an orderly end
	must(t, res.Body.Close())
	must(t, <-l.stopped)
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	l := listen(t, func(o *Options) { o.Limits.MaxStreams = 1 })
	l.define(`"steps":[{"id":"wait","type":"waitForEvent","event":"go"}]`)
	id := l.start()
	first := l.open(t, id, 0)
	wantOK(t, first)
	rec := l.send("GET", "/runs/"+id+"/stream", "")
	wantCode(t, rec, 503, codeOverloaded)
	if rec.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	must(t, first.Body.Close())
	testkit.Eventually(t, 10*time.Second, "there is a place again", func() bool { return l.streaming.inUse() == 0 })
}

// pipes is a listener whose connections hold nothing: a client that does not read makes
// the server wait at once.
type pipes struct {
	net.Listener
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.done)
	return nil
}

func TestASlowReaderOfAStreamIsCutOff(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) { o.Limits.WriteTimeout = 20 * time.Millisecond })
	h.define(`"steps":[{"id":"wait","type":"waitForEvent","event":"go"}]`)
	id := h.start()
	p := &pipes{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- h.Serve(ctx, p) }()
	near, far := net.Pipe()
	p.conns <- far
	_, err := io.WriteString(near, "GET /runs/"+id+"/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+fullToken+"\r\n\r\n")
	must(t, err)
	testkit.Eventually(t, 10*time.Second, "the stream is cut", func() bool {
		return strings.Contains(h.log.String(), "a stream was cut off") && h.streaming.inUse() == 0
	})
	must(t, near.Close())
	cancel()
	must(t, <-stopped)
}

// lateRuns ends a run between the look at its journal and the look at the run.
type lateRuns struct {
	Runs
	looks []engine.Progress
	errs  []error
}

func (l *lateRuns) Follow(context.Context, string, int) (engine.Progress, error) {
	p, err := l.looks[0], l.errs[0]
	l.looks, l.errs = l.looks[1:], l.errs[1:]
	p.Step = func(string) *workflow.Step { return nil }
	return p, err
}

func TestTheLastEventIsNotLost(t *testing.T) {
	t.Parallel()
	started := workflow.Event{Type: workflow.EventStarted}
	ended := workflow.Event{Type: workflow.EventEnded, Status: workflow.RunSucceeded}
	over := engine.Run{Status: workflow.RunSucceeded}
	for name, late := range map[string]*lateRuns{
		"a look that brings events": {looks: []engine.Progress{
			{Events: []workflow.Event{started}, Entry: 0, Run: over},
			{Events: []workflow.Event{ended}, Entry: 1, Run: over},
			{Entry: 1, Run: over},
		}, errs: make([]error, 3)},
		"a look that brings none": {looks: []engine.Progress{
			{Events: []workflow.Event{started}, Entry: 0, Run: engine.Run{Status: workflow.RunRunning}},
			{Entry: 0, Run: over},
			{Events: []workflow.Event{ended}, Entry: 1, Run: over},
			{Entry: 1, Run: over},
		}, errs: make([]error, 4)},
	} {
		h := newHarness(t, func(o *Options) { late.Runs, o.Runs = o.Runs, late })
		all := h.stream("r1", 0)
		if len(all) != 2 || all[1].event != "ended" {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

func TestAStreamThatCannotGoOnEnds(t *testing.T) {
	t.Parallel()
	late := &lateRuns{
		looks: []engine.Progress{{Events: []workflow.Event{{Type: workflow.EventStarted}}, Run: engine.Run{Status: workflow.RunRunning}}, {}},
		errs:  []error{nil, state.ErrUnavailable},
	}
	h := newHarness(t, func(o *Options) { late.Runs, o.Runs = o.Runs, late })
	if all := h.stream("r1", 0); len(all) != 1 {
		t.Errorf("%+v", all)
	}
	if log := h.log.String(); !strings.Contains(log, "a stream was cut off") {
		t.Errorf("%s", log)
	}
}
