package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// MasterName is what a Sentinel calls the server that it watches.
const MasterName = "backflow-test"

// StartSentinel runs a Sentinel that watches a server, alone: half a second of
// silence is enough for it to make a replica the primary.
func StartSentinel(t testing.TB, primary *Server) *Server {
	t.Helper()
	return start(t, &Server{sentinelOf: primary.addr})
}

// sentinelArgs writes the file that a Sentinel requires and keeps its findings in.
func (s *Server) sentinelArgs(host, port string) ([]string, error) {
	primary, primaryPort, err := net.SplitHostPort(s.sentinelOf)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "sentinel.conf")
	text := fmt.Sprintf("bind %s\nport %s\ndir %s\nlogfile \"\"\n"+
		"sentinel monitor %[4]s %s %s 1\nsentinel down-after-milliseconds %[4]s 500\nsentinel failover-timeout %[4]s 2000\n",
		host, port, s.dir, MasterName, primary, primaryPort)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return []string{file, "--sentinel"}, nil
}
