package plugin_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// launcher starts fake instances, after the given number of failures.
type launcher struct {
	mu        sync.Mutex
	failures  int
	launches  int
	instances chan *instance
	// make makes the next instances, or returns why there is none. Nil makes healthy
	// ones.
	make func(plugin.Spec) (*instance, error)
}

func newLauncher(failures int) *launcher {
	return &launcher{failures: failures, instances: make(chan *instance, 100)}
}

func (l *launcher) Launch(_ context.Context, spec plugin.Spec, _ *slog.Logger) (plugin.Instance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.launches++
	if l.launches <= l.failures {
		return nil, fmt.Errorf("failure %d", l.launches)
	}
	i := &instance{}
	if l.make != nil {
		var err error
		if i, err = l.make(spec); err != nil {
			return nil, err
		}
	}
	i.done = make(chan struct{})
	l.instances <- i
	return i, nil
}

// setMake changes how the next instances behave.
func (l *launcher) setMake(how func(plugin.Spec) (*instance, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.make = how
}

// instance is a plugin that lives until die.
type instance struct {
	once sync.Once
	done chan struct{}

	name, version string // "fake" and "1.0.0" where they are empty
	credentials   json.RawMessage
	configure     error
	configured    atomic.Bool // whether it was handed a config
	memory        atomic.Int64
	// probe and execute handle a probe and a call. Nil succeeds at once.
	probe   func(context.Context) error
	execute func(*instance) error
	// health is why calls cannot succeed, as the plugin says; nil says nothing.
	health atomic.Pointer[sdk.Error]
}

func (i *instance) Manifest(context.Context) (*sdk.Manifest, error) {
	return &sdk.Manifest{
		Name: cmp.Or(i.name, "fake"), Version: cmp.Or(i.version, "1.0.0"), Credentials: i.credentials,
		Actions: []sdk.ActionSpec{{Name: "echo", Params: json.RawMessage(`{}`)}},
	}, nil
}
func (i *instance) Configure(context.Context, sdk.Config) error {
	i.configured.Store(true)
	return i.configure
}
func (i *instance) Execute(_ context.Context, _ time.Time, call sdk.Call) (sdk.Result, error) {
	if i.execute != nil {
		if err := i.execute(i); err != nil {
			return sdk.Result{}, err
		}
	}
	return sdk.Result{Body: call.Params}, nil
}
func (i *instance) ExecuteWithTimeout(ctx context.Context, deadline time.Time, _ time.Duration, call sdk.Call) (sdk.Result, error) {
	return i.Execute(ctx, deadline, call)
}
func (i *instance) Memory() (int64, error) { return i.memory.Load(), nil }
func (i *instance) Probe(ctx context.Context) error {
	if i.probe == nil {
		return nil
	}
	return i.probe(ctx)
}
func (i *instance) Health(context.Context) error {
	if e := i.health.Load(); e != nil {
		return e
	}
	return nil
}
func (i *instance) VerifyWebhook(context.Context, sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	return sdk.WebhookEvent{}, errors.New("no")
}
func (i *instance) SampleWebhook(context.Context, sdk.SampleRequest) (sdk.Sample, error) {
	return sdk.Sample{}, errors.New("no")
}
func (i *instance) ControlSandbox(context.Context, sdk.SandboxCommand) (json.RawMessage, error) {
	return nil, errors.New("no")
}
func (i *instance) CheckUses(context.Context, []sdk.Use) ([]sdk.UseFault, error) {
	return nil, errors.New("no")
}
func (i *instance) ListEvents(context.Context, sdk.ListEventsRequest) (sdk.EventPage, error) {
	return sdk.EventPage{}, errors.New("no")
}
func (i *instance) SyncEndpoint(context.Context, sdk.SyncEndpointRequest) (sdk.EndpointSync, error) {
	return sdk.EndpointSync{}, errors.New("no")
}
func (i *instance) Done() <-chan struct{}       { return i.done }
func (i *instance) Exit() plugin.Exit           { return plugin.Exit{Reason: "exit status 9"} }
func (i *instance) Close(context.Context) error { i.die(); return nil }
func (i *instance) die()                        { i.once.Do(func() { close(i.done) }) }

// clock is time that passes when the test says so. A pause ends when the test
// takes it from pauses and sends to its end.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	pauses chan pause
}

type pause struct {
	length time.Duration
	end    chan time.Time
}

func newClock() *clock {
	return &clock{now: time.Unix(1_800_000_000, 0), pauses: make(chan pause)}
}

func (c *clock) timing() plugin.Timing {
	return plugin.Timing{
		Now: func() time.Time {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.now
		},
		After: func(d time.Duration) <-chan time.Time {
			end := make(chan time.Time, 1)
			c.pauses <- pause{length: d, end: end}
			return end
		},
		Random: func() float64 { return 1 },
	}
}

// endPause lets the next pause pass and returns how long it is.
func (c *clock) endPause() time.Duration {
	p := <-c.pauses
	c.advance(p.length)
	p.end <- time.Time{}
	return p.length
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
