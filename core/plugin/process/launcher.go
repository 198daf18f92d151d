package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/internal/output"
	"github.com/backflow/backflow/sdk"
	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// startLimit bounds a start whose context has no deadline.
const startLimit = time.Minute

// Launcher starts plugin processes.
type Launcher struct {
	thread    *forkThread
	directory directory
	copies    pinnedCopies
}

var _ plugin.Launcher = (*Launcher)(nil)

// NewLauncher returns a Launcher. The caller closes it.
func NewLauncher() *Launcher {
	l := &Launcher{thread: newForkThread()}
	l.copies = pinnedCopies{directory: &l.directory}
	return l
}

// Close releases the launcher's thread and directory. Launch fails from then on.
// Every instance must have been closed before.
func (l *Launcher) Close() error {
	l.thread.close()
	return l.directory.close()
}

// Launch starts the process of spec and shakes hands with it.
func (l *Launcher) Launch(ctx context.Context, spec plugin.Spec, logger *slog.Logger) (plugin.Instance, error) {
	program, err := l.copies.program(spec)
	if err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	dir, err := l.directory.makePluginDir()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	child := newChild(l.thread, logger, dir)
	var used usedConn
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion:  sdk.ProtocolVersion,
			MagicCookieKey:   sdk.HandshakeCookieKey,
			MagicCookieValue: sdk.HandshakeCookieValue,
		},
		VersionedPlugins: map[int]goplugin.PluginSet{
			sdk.ProtocolVersion: {sdk.DispenseName: dispenser{}},
		},
		RunnerFunc: func(_ hclog.Logger, handshake *exec.Cmd, _ string) (runner.Runner, error) {
			child.prepare(program, environment(spec, handshake.Env))
			return child, nil
		},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		GRPCDialOptions:  append(dialOptions(), grpc.WithStreamInterceptor(used.note)),
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: dir},
		SkipHostEnv:      true,
		StartTimeout:     startTimeout(ctx),
		SyncStdout:       output.NewLines(logger, nil),
		SyncStderr:       output.NewLines(logger, nil),
		// The supervisor logs a plugin's start and end.
		Logger: hclog.NewNullLogger(),
	})
	instance := &instance{client: client, child: child, dir: dir}
	// go-plugin's start has no context: killing the child ends it.
	stop := context.AfterFunc(ctx, child.terminate)
	err = instance.connect()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		child.terminate()
		used.close()
		return nil, errors.Join(startError(ctx, child, err), instance.Close(ctx))
	}
	return instance, nil
}

// usedConn is the connection that go-plugin opens streams on. Where the plugin ends just
// before the stream of its output is open, go-plugin returns an error, and would leave
// the connection open for good.
type usedConn struct {
	conn atomic.Pointer[grpc.ClientConn]
}

// note is a grpc.StreamClientInterceptor.
func (u *usedConn) note(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	u.conn.Store(conn)
	return open(ctx, desc, conn, method, options...)
}

// close closes the connection, if there was one. go-plugin may have closed it.
func (u *usedConn) close() {
	if conn := u.conn.Load(); conn != nil {
		_ = conn.Close() // the only error is that it is closed
	}
}

// startError explains why a start failed. If the process has ended, it says why.
func startError(ctx context.Context, child *child, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the plugin made no handshake in time: does it hang, or is it no plugin?: %w", ctx.Err())
	}
	if !child.started() {
		return err
	}
	<-child.exited
	if mismatch := protocolMismatch(child.line); mismatch != nil {
		return mismatch
	}
	if printed := checkHandshake(child.line); printed != nil {
		return printed
	}
	if child.killed() {
		return fmt.Errorf("handshake: %w", err)
	}
	return fmt.Errorf("the plugin ended before the handshake: %s", child.exit())
}

// environment is what the config gives, and what go-plugin needs for the handshake,
// which the SDK removes again.
func environment(spec plugin.Spec, handshake []string) []string {
	variables := slices.Clone(handshake)
	for name, value := range spec.Env {
		variables = append(variables, name+"="+value)
	}
	if spec.MemoryLimitMiB > 0 {
		variables = append(variables, sdk.MemoryVariable+"="+strconv.Itoa(spec.MemoryLimitMiB))
	}
	return append(variables, sdk.ParentVariable+"="+strconv.Itoa(os.Getpid()))
}

// startTimeout is go-plugin's own limit for a start. It is always later than a
// deadline of ctx, so that the error of a start that takes too long does not depend
// on which of two timers fires first.
func startTimeout(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(time.Until(deadline), 0) + startLimit
	}
	return startLimit
}

// dispenser makes go-plugin hand out the connection.
type dispenser struct {
	goplugin.NetRPCUnsupportedPlugin
}

var _ goplugin.GRPCPlugin = dispenser{}

// GRPCServer is never called in the gateway.
func (dispenser) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("process: the gateway calls and does not serve")
}

// GRPCClient returns the client of the plugin's service.
func (dispenser) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return pluginv1.NewPluginServiceClient(conn), nil
}

// dialOptions mirror the SDK's server options, where the reasons are.
func dialOptions() []grpc.DialOption {
	const window, buffer = 4 << 20, 128 << 10
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(sdk.MaxMessageSize),
			grpc.MaxCallSendMsgSize(sdk.MaxMessageSize),
		),
		grpc.WithInitialWindowSize(window),
		grpc.WithInitialConnWindowSize(window),
		grpc.WithReadBufferSize(buffer),
		grpc.WithWriteBufferSize(buffer),
		// gRPC must not repeat a call by itself.
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
	}
}
