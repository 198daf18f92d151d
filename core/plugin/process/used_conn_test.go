package process

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"

	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// A plugin that is gone when a stream is to be opened, as go-plugin opens that of its
// output.
func TestTheConnectionOfAStartThatFailedIsClosed(t *testing.T) {
	var used usedConn
	used.close() // no stream was opened
	conn, err := grpc.NewClient("unix:"+t.TempDir()+"/gone", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStreamInterceptor(used.note))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pluginv1.NewPluginServiceClient(conn).Execute(t.Context()); err == nil {
		t.Error("the stream is open")
	}
	used.close()
	if state := conn.GetState(); state != connectivity.Shutdown {
		t.Errorf("the connection is %s", state)
	}
	used.close()
}
