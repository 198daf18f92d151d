//go:build !wasip1

package sdk

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/backflow/backflow/sdk/gcpace"
	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// spareHeap is how many bytes a plugin may allocate between two collections.
const spareHeap = 16 << 20

// Serve runs p as a plugin process. It is the whole of a plugin's main. It
// returns when the gateway ends the plugin in peace, within two seconds of which
// main must return too; an end without notice is possible at any time. Started by
// a person it says what it is and exits with 1.
//
// Before Serve nothing may be printed to standard output, which belongs to the
// handshake. Afterwards both os.Stdout and os.Stderr are standard error, whose
// lines are log lines of the gateway; slog's default logger writes there too.
// A panic in a method of p becomes an error of that call, one in a goroutine of
// its own ends the process, and the gateway starts it anew.
func Serve(p Plugin) {
	if _, bounded := os.LookupEnv(MemoryVariable); !bounded {
		gcpace.Tune(spareHeap, os.LookupEnv)
	}
	watchParent()
	stderr := os.Stderr
	logger := newLineLogger(stderr)
	slog.SetDefault(logger)

	server := newServer(p, logger, stderr)
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion:  ProtocolVersion,
			MagicCookieKey:   HandshakeCookieKey,
			MagicCookieValue: HandshakeCookieValue,
		},
		VersionedPlugins: map[int]goplugin.PluginSet{
			ProtocolVersion: {DispenseName: &servedPlugin{server: server}},
		},
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(options, serverOptions()...)...)
		},
		// go-plugin's own messages are of interest only when it fails.
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: stderr, JSONFormat: true}),
	})
}

// serverOptions are tuned for many small messages over a unix socket between
// two processes of one machine. Fixed windows switch off the estimate of
// bandwidth and delay, and with it the pings.
func serverOptions() []grpc.ServerOption {
	const window, buffer = 4 << 20, 128 << 10
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessageSize),
		grpc.MaxSendMsgSize(MaxMessageSize),
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
		grpc.ReadBufferSize(buffer),
		grpc.WriteBufferSize(buffer),
	}
}

// servedPlugin registers the service with go-plugin's gRPC server. The other
// half, the client, is the gateway's.
type servedPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	server *server
}

var _ goplugin.GRPCPlugin = (*servedPlugin)(nil)

// GRPCServer is called by go-plugin once, before the handshake.
func (s *servedPlugin) GRPCServer(_ *goplugin.GRPCBroker, registrar *grpc.Server) error {
	pluginv1.RegisterPluginServiceServer(registrar, s.server)
	return nil
}

// GRPCClient is never called in a plugin process.
func (s *servedPlugin) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("sdk: a plugin process serves and does not call")
}
