package wasm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/internal/output"
	"github.com/backflow/backflow/core/plugin/wasm/modulecache"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

const (
	// minBuffer is the least that a guest is asked to allocate for requests, in bytes.
	minBuffer = 4 << 10
	// maxKeptBuffer is the largest buffer that is kept for the next call.
	maxKeptBuffer = 1 << 20
)

// guest is one instance of a module. It has one user at a time; only interrupt is
// safe for concurrent use.
type guest struct {
	module *modulecache.Module
	lines  *output.Lines
	http   *httpHost

	// ctx is the context of all calls into the guest. When it ends, so does the guest.
	// It carries the guest to the host functions.
	ctx       context.Context
	interrupt context.CancelFunc
	timer     *time.Timer // calls interrupt; stopped between calls

	mod      api.Module
	call     api.Function
	alloc    api.Function
	buffer   uint32 // where requests are written
	capacity int    // of the buffer
	scratch  []byte
	stack    [2]uint64

	// idleSince is when its last user returned it to the pool.
	idleSince time.Time
	// configured says that the guest has the config.
	configured bool
	// broken says that the guest must not be used again.
	broken bool
	// now is the request in progress, for logs and host calls.
	now request
	// response waits for http_receive.
	response []byte
}

// request is one request to a guest.
type request struct {
	kind      abi.Kind
	operation string // for messages
	action    string
	requestID string
	deadline  time.Time // zero if only the context bounds it
	encode    func(frame []byte) []byte
	decode    func(frame abi.Frame) error
}

type guestKey struct{}

// callingGuest returns the guest that called a host function.
func callingGuest(ctx context.Context) *guest {
	g, _ := ctx.Value(guestKey{}).(*guest)
	return g
}

// newGuest starts a guest and lets it initialise until ctx ends or the deadline
// passes. The module is counted once more until the guest is closed.
func newGuest(ctx context.Context, deadline time.Time, m *modulecache.Module, lines *output.Lines, http *httpHost) (*guest, error) {
	g := &guest{module: m, http: http}
	g.lines = lines.Fork(nil, g.attrs)
	life, interrupt := context.WithCancel(context.Background())
	g.ctx, g.interrupt = context.WithValue(life, guestKey{}, g), interrupt
	g.timer = time.AfterFunc(time.Hour, interrupt)
	g.timer.Stop()
	m.Retain()
	g.now = request{operation: "the start", deadline: deadline}
	err := g.runBounded(ctx, deadline, func() error { return g.start() })
	if err != nil {
		err = g.failure(ctx, err)
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// start instantiates the module, which runs its initialisation, and asks for the
// version of the ABI.
func (g *guest) start() error {
	config := wazero.NewModuleConfig().
		WithName(""). // anonymous: there are many
		WithStartFunctions("_initialize").
		WithStdout(g.lines).WithStderr(g.lines).
		WithRandSource(rand.Reader).
		WithSysWalltime().WithSysNanotime().
		WithNanosleep(g.sleep)
	mod, err := g.module.Instantiate(g.ctx, config)
	if err != nil {
		return err
	}
	g.mod = mod
	g.call, g.alloc = mod.ExportedFunction(abi.ExportCall), mod.ExportedFunction(abi.ExportBuffer)
	version, err := mod.ExportedFunction(abi.ExportVersion).Call(g.ctx)
	if err != nil {
		return err
	}
	if version[0] != abi.Version {
		return plugin.VersionMismatch("plugin ABI", int(uint32(version[0])), abi.Version)
	}
	return nil
}

// runBounded runs work. The end of ctx and the deadline interrupt it.
func (g *guest) runBounded(ctx context.Context, deadline time.Time, work func() error) error {
	if !deadline.IsZero() {
		g.timer.Reset(time.Until(deadline))
	}
	var stop func() bool
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, g.interrupt)
	}
	err := work()
	// A timer or context that can no longer be stopped interrupts the guest, perhaps
	// only after work has returned.
	if !deadline.IsZero() && !g.timer.Stop() {
		g.broken = true
	}
	if stop != nil && !stop() {
		g.broken = true
	}
	return err
}

// do sends a request to the guest and decodes its response.
func (g *guest) do(ctx context.Context, r request) error {
	g.now = r
	err := g.runBounded(ctx, r.deadline, g.roundTrip)
	g.response = nil
	if err != nil {
		err = g.failure(ctx, err)
	}
	g.now = request{}
	return err
}

// roundTrip writes the request in progress into the guest's memory and reads the
// response from there.
func (g *guest) roundTrip() error {
	g.scratch = g.now.encode(abi.Begin(g.scratch[:0], g.now.kind))
	if err := g.write(g.scratch); err != nil {
		return err
	}
	g.stack[0] = uint64(len(g.scratch))
	if len(g.scratch) > maxKeptBuffer {
		g.scratch, g.capacity = nil, 0
	}
	if err := g.call.CallWithStack(g.ctx, g.stack[:1]); err != nil {
		return err
	}
	at, size := uint32(g.stack[0]>>32), uint32(g.stack[0])
	if size > sdk.MaxMessageSize {
		e := sdk.Fail(sdk.CodeResultTooLarge, "the answer has %d bytes, more than the %d that a plugin may answer", size, sdk.MaxMessageSize)
		if kind, ok := g.mod.Memory().ReadByte(at); ok && abi.Kind(kind) == abi.OK {
			e.Outcome, e.Final = sdk.OutcomeExecuted, true
		}
		return e
	}
	response, ok := g.mod.Memory().Read(at, size)
	if !ok {
		return errors.New("the answer is outside of its memory")
	}
	frame, err := abi.Parse(response)
	if err != nil {
		return err
	}
	return g.decode(frame)
}

// decode reads the response. A failure has the same form for requests of all kinds.
func (g *guest) decode(frame abi.Frame) error {
	switch frame.Kind {
	case abi.Failure:
		return readError(frame)
	case abi.OK, abi.Refusal:
		return g.now.decode(frame)
	}
	return fmt.Errorf("the answer is of the unknown kind %d", frame.Kind)
}

// write puts a request where the guest wants it.
func (g *guest) write(frame []byte) error {
	if len(frame) > g.capacity {
		size := max(len(frame), minBuffer)
		g.stack[0] = uint64(size)
		if err := g.alloc.CallWithStack(g.ctx, g.stack[:1]); err != nil {
			return err
		}
		g.buffer, g.capacity = uint32(g.stack[0]), size
	}
	if !g.mod.Memory().Write(g.buffer, frame) {
		return errors.New("the buffer for requests is outside of its memory")
	}
	return nil
}

// failure explains why a request failed. An error that the guest or the host returned
// is passed on. Every other error breaks the guest.
func (g *guest) failure(ctx context.Context, err error) error {
	var reported *sdk.Error
	var refusal *sdk.WebhookRefusal
	if errors.As(err, &reported) || errors.As(err, &refusal) {
		return err
	}
	g.broken = true
	if g.ctx.Err() != nil {
		return plugin.TimeoutError(ctx, g.now.operation)
	}
	g.lines.Flush()
	reason, stack, _ := strings.Cut(err.Error(), "\n")
	var exit *sys.ExitError
	if errors.As(err, &exit) {
		reason = fmt.Sprintf("exit code %d", exit.ExitCode())
	}
	if limit := uint64(g.module.Key().MemoryPages) << 16; g.mod != nil && uint64(g.mod.Memory().Size()) > limit-limit/16 {
		reason += fmt.Sprintf(", with the %d MiB of its memory used up", g.module.Key().MemoryPages/pagesPerMiB)
	}
	g.lines.Log("the guest is thrown away", "reason", reason, "stack", stack)
	return &sdk.Error{
		Code: sdk.CodeUnavailable, Retryable: true, Outcome: sdk.OutcomeUnknown,
		Message: fmt.Sprintf("the plugin's guest failed in %s: %s", g.now.operation, reason),
	}
}

// attrs returns what is added to each record that the guest logs.
func (g *guest) attrs() []any {
	var attrs []any
	if g.now.action != "" {
		attrs = append(attrs, "action", g.now.action)
	}
	if g.now.requestID != "" {
		attrs = append(attrs, "requestId", g.now.requestID)
	}
	return attrs
}

// sleep is the guest's sleep. When the guest is interrupted, sleep ends it: if sleep
// only returned, the guest would sleep again.
func (g *guest) sleep(nanoseconds int64) {
	timer := time.NewTimer(time.Duration(nanoseconds))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.ctx.Done():
		panic(errInterrupted)
	}
}

// close ends the guest and releases its module. The guest must not be in use.
func (g *guest) close() error {
	g.interrupt()
	g.timer.Stop()
	g.lines.Flush()
	var err error
	if g.mod != nil {
		err = g.mod.Close(context.Background())
	}
	return errors.Join(err, g.module.Release())
}
