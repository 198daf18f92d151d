package sdktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/internal/outgoing"
	"github.com/backflow/backflow/sdk/internal/shape"
)

// An Option changes a call.
type Option func(*options)

type options struct {
	key     string
	timeout time.Duration
	ended   bool
	network http.Handler
	missed  *atomic.Bool // whether a request had no network
}

// Key is the call's idempotency key. Otherwise each call has one of its own.
func Key(key string) Option { return func(o *options) { o.key = key } }

// Timeout is how long the call may take, by default 30 seconds.
func Timeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// Cancelled makes the call one whose caller has given up before it began.
func Cancelled() Option { return func(o *options) { o.ended = true } }

// HTTP makes a handler respond to the requests that the plugin makes by
// sdk/httpclient, whatever their host. The patterns of an http.ServeMux may name
// one: "GET api.example.com/rates". Without it, a request fails.
func HTTP(network http.Handler) Option { return func(o *options) { o.network = network } }

// Call calls an action as the gateway does. Params are the action's own type, or
// JSON as a string, []byte or json.RawMessage, or anything that encoding/json
// writes. What is wrong with them, or with the result, comes back as the error
// that a caller of the gateway would get.
func Call(t testing.TB, p sdk.Plugin, action string, params any, opts ...Option) *Answer {
	t.Helper()
	raw, err := encode(params, (*shape.Shape).AppendInput)
	if err != nil {
		t.Fatalf("the params of %s: %v", action, err)
	}
	spec, err := find(p, action)
	if err != nil {
		t.Fatal(err)
	}
	answer := &Answer{t: t, action: action}
	answer.result, answer.err = call(t.Context(), p, spec, raw, &answer.log, opts)
	return answer
}

// find returns what the manifest says of an action, nil for one that it does not
// know. A manifest that is not in order is an error.
func find(p sdk.Plugin, action string) (*sdk.ActionSpec, error) {
	m, err := manifestOf(p)
	if err != nil {
		return nil, err
	}
	for i := range m.Actions {
		if m.Actions[i].Name == action {
			return &m.Actions[i], nil
		}
	}
	return nil, nil
}

func call(ctx context.Context, p sdk.Plugin, spec *sdk.ActionSpec, params json.RawMessage, log *logs, opts []Option) (sdk.Result, *sdk.Error) {
	if spec == nil {
		return sdk.Result{}, sdk.Refuse(sdk.CodeUnknownAction, "the manifest has no such action")
	}
	faults, err := faultsOf(spec.Params, params)
	if err != nil {
		return sdk.Result{}, sdk.Refuse(sdk.CodeInvalidParams, "%v", err)
	}
	if len(faults) > 0 {
		refused := sdk.Refuse(sdk.CodeInvalidParams, "the params do not match the schema: %s", described(faults))
		refused.Faults = faults
		return sdk.Result{}, refused
	}
	result, failure := execute(ctx, p, sdk.Call{Action: spec.Name, Params: params}, log, opts)
	if failure != nil {
		return sdk.Result{}, failure
	}
	if err := checkResult(spec, result); err != nil {
		return sdk.Result{}, sdk.Fail(sdk.CodeInternal, "the result of %s: %v", spec.Name, err)
	}
	return result, nil
}

// execute hands a call to the plugin, as its process or guest would.
func execute(ctx context.Context, p sdk.Plugin, c sdk.Call, log *logs, opts []Option) (sdk.Result, *sdk.Error) {
	o := options{key: "sdktest-" + random(), timeout: 30 * time.Second}
	for _, option := range opts {
		option(&o)
	}
	c.IdempotencyKey, c.RequestID = o.key, "req_sdktest"
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if o.ended {
		cancel()
	}
	ctx = sdk.WithLogger(ctx, slog.New(slog.NewTextHandler(log, nil)).With("action", c.Action))
	ctx = outgoing.WithTransport(ctx, network{o.network, o.missed})
	var result sdk.Result
	err := guarded("Execute of "+c.Action, func() (err error) {
		result, err = p.Execute(ctx, c)
		return err
	})
	return result, asError(err)
}

// guarded runs a method of the plugin, whose panic is an error of that call.
func guarded(what string, run func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = sdk.Fail(sdk.CodeInternal, "panic in %s: %v\n%s", what, cause, debug.Stack())
		}
	}()
	return run()
}

// asError returns what the gateway makes of an error.
func asError(err error) *sdk.Error {
	var e *sdk.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		told := *e
		if told.Outcome == "" {
			told.Outcome = sdk.OutcomeUnknown
		}
		return &told
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return sdk.Fail(sdk.CodeTimeout, "%v", err).Later(0)
	}
	return sdk.Fail(sdk.CodeInternal, "%v", err)
}

// encode writes what a test gives as JSON: by the rules of sdk.Action where they
// fit, else by those of encoding/json.
func encode(value any, write func(*shape.Shape, []byte, reflect.Value) ([]byte, error)) (json.RawMessage, error) {
	switch value := value.(type) {
	case nil:
		return json.RawMessage("{}"), nil
	case string:
		return json.RawMessage(value), nil
	case []byte:
		return value, nil
	case json.RawMessage:
		return value, nil
	}
	s, err := shape.Of(reflect.TypeOf(value))
	if err != nil {
		return json.Marshal(value)
	}
	v := reflect.New(reflect.TypeOf(value)).Elem()
	v.Set(reflect.ValueOf(value))
	return write(s, nil, v)
}

// logs keeps what is logged.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the log. It never fails.
func (l *logs) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(line)
}

// String returns the log.
func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
