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
	// firstBuffer is the least that a guest is asked to keep for requests.
	firstBuffer = 4 << 10
	// keepBuffer is the largest buffer that is used for the next call too.
	keepBuffer = 1 << 20
)

// guest is one instance of a module. It has one user at a time, but for
// interrupt.
type guest struct {
	module *modulecache.Module
	lines  *output.Lines
	web    *web

	// ctx is that of all calls into the guest; when it ends, so does the guest.
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

	// rests is since when nobody uses it.
	rests time.Time
	// configured says that the guest was told the config.
	configured bool
	// broken says that the guest must not be used again.
	broken bool
	// now is the request under way, for logs and host calls.
	now request
	// response is what http_receive fetches.
	response []byte
}

// request is one request to a guest.
type request struct {
	kind      abi.Kind
	operation string // for messages
	action    string
	requestID string
	deadline  time.Time // zero for none but the context's
	encode    func(frame []byte) []byte
	decode    func(frame abi.Frame) error
}

type guestKey struct{}

// current answers the guest that a host function was called by.
func current(ctx context.Context) *guest {
	g, _ := ctx.Value(guestKey{}).(*guest)
	return g
}

// newGuest starts a guest and lets it initialise until ctx ends or the deadline
// passes. The module is counted once more until the guest is closed.
func newGuest(ctx context.Context, deadline time.Time, m *modulecache.Module, lines *output.Lines, web *web) (*guest, error) {
	g := &guest{module: m, web: web}
	g.lines = lines.Fork(nil, g.attrs)
	life, interrupt := context.WithCancel(context.Background())
	g.ctx, g.interrupt = context.WithValue(life, guestKey{}, g), interrupt
	g.timer = time.AfterFunc(time.Hour, interrupt)
	g.timer.Stop()
	m.Retain()
	g.now = request{operation: "the start", deadline: deadline}
	err := g.bounded(ctx, deadline, func() error { return g.start() })
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

// bounded runs work, which the end of ctx and the deadline interrupt.
func (g *guest) bounded(ctx context.Context, deadline time.Time, work func() error) error {
	if !deadline.IsZero() {
		g.timer.Reset(time.Until(deadline))
	}
	var stop func() bool
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, g.interrupt)
	}
	err := work()
	// Who was too late to be stopped interrupts the guest, perhaps only now.
	if !deadline.IsZero() && !g.timer.Stop() {
		g.broken = true
	}
	if stop != nil && !stop() {
		g.broken = true
	}
	return err
}

// exchange has the guest answer a request.
func (g *guest) exchange(ctx context.Context, r request) error {
	g.now = r
	err := g.bounded(ctx, r.deadline, g.converse)
	g.response = nil
	if err != nil {
		err = g.failure(ctx, err)
	}
	g.now = request{}
	return err
}

// converse writes the request that is under way into the guest's memory and reads
// the answer from there.
func (g *guest) converse() error {
	g.scratch = g.now.encode(abi.Begin(g.scratch[:0], g.now.kind))
	if err := g.write(g.scratch); err != nil {
		return err
	}
	g.stack[0] = uint64(len(g.scratch))
	if len(g.scratch) > keepBuffer {
		g.scratch, g.capacity = nil, 0
	}
	if err := g.call.CallWithStack(g.ctx, g.stack[:1]); err != nil {
		return err
	}
	at, size := uint32(g.stack[0]>>32), uint32(g.stack[0])
	if size > sdk.MaxMessageSize {
		return &sdk.Error{
			Code: sdk.CodeResultTooLarge, Outcome: sdk.OutcomeUnknown,
			Message: fmt.Sprintf("the answer has %d bytes, more than the %d that a plugin may answer", size, sdk.MaxMessageSize),
		}
	}
	answer, ok := g.mod.Memory().Read(at, size)
	if !ok {
		return errors.New("the answer is outside of its memory")
	}
	frame, err := abi.Parse(answer)
	if err != nil {
		return err
	}
	return g.decode(frame)
}

// decode reads the answer: a failure is told alike by all kinds.
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
		size := max(len(frame), firstBuffer)
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

// failure explains why a request failed. What the guest or the host has told is
// passed on; all else breaks the guest.
func (g *guest) failure(ctx context.Context, err error) error {
	var told *sdk.Error
	var refusal *sdk.WebhookRefusal
	if errors.As(err, &told) || errors.As(err, &refusal) {
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

// attrs are added to what the guest logs.
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

// sleep is the guest's sleep. When the guest is interrupted it ends it, since a
// sleep that only returned would be begun again.
func (g *guest) sleep(nanoseconds int64) {
	timer := time.NewTimer(time.Duration(nanoseconds))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.ctx.Done():
		panic(errInterrupted)
	}
}

// close ends the guest and uncounts its module. Nobody may be using it.
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
