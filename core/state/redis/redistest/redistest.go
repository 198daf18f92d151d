// Package redistest runs a private redis-server for a test: on a free port of
// 127.0.0.1, with its data in the test's directory, and with the means to kill
// and restart it.
//
// The package imports internal/testkit. Only tests may import it.
package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/backflow/backflow/internal/testkit"
)

// Options configure a server.
type Options struct {
	// AppendFsync is always, everysec or no; empty means no AOF at all.
	AppendFsync string
	// Password is required of every client if not empty.
	Password string
	// ReplicaOf makes the server a replica of the server at this address. Start
	// returns once it has all data of the other.
	ReplicaOf string
	// Args are further arguments of redis-server.
	Args []string
}

// Server is a running or stopped redis-server. Its methods fail the test when
// they fail; they must be called from the test's goroutine.
type Server struct {
	t    testing.TB
	o    Options
	dir  string
	addr string
	// sentinelOf is the address of the server that a Sentinel watches.
	sentinelOf string

	mu     sync.Mutex // guards below
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended
	output *bytes.Buffer // read only after ended
}

// Start runs a server until the test ends. Without a redis-server on the PATH
// the test is skipped, or fails if BACKFLOW_REQUIRE_SERVERS is 1.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	return start(t, &Server{o: o})
}

func start(t testing.TB, s *Server) *Server {
	t.Helper()
	testkit.Need(t, "redis-server")
	s.t, s.dir = t, t.TempDir()
	t.Cleanup(s.Stop)
	// Another process may take the free port before Redis does.
	for range 5 {
		s.addr = freeAddr(t)
		if s.start() == nil {
			return s
		}
		s.Kill()
	}
	t.Fatalf("redis-server does not start:\n%s", s.output)
	return nil
}

func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // only its port was needed
	return l.Addr().String()
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr }

// Dir is where the server keeps its data.
func (s *Server) Dir() string { return s.dir }

// URL is the address as a redis:// URL, with the password if there is one.
func (s *Server) URL() string {
	if s.o.Password != "" {
		return "redis://:" + s.o.Password + "@" + s.addr
	}
	return "redis://" + s.addr
}

// Client connects to the server; the test closes it.
func (s *Server) Client() *goredis.Client {
	return goredis.NewClient(&goredis.Options{Addr: s.addr, Password: s.o.Password, MaxRetries: -1, DialerRetries: 1})
}

// Kill ends the server as kill -9 does, and waits until it is gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("kill redis-server: %v", err)
	}
	<-s.ended
	s.cmd = nil
}

// stopTime is how long a server may take to stop: a primary waits for replicas
// that lag, also for those that are gone.
const stopTime = 2 * time.Second

// Stop ends the server by SIGINT, if it runs, and waits until it is gone; one
// that takes too long is killed.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("stop redis-server: %v", err)
	}
	select {
	case <-s.ended:
	case <-time.After(stopTime):
		if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.t.Errorf("kill redis-server: %v", err)
		}
		<-s.ended
	}
	s.cmd = nil
}

// Restart starts a killed or stopped server again, on the same port and data,
// and waits until it serves. As under a supervisor, it is started once more if it
// ends: it does so after one kill while it wrote its log and another while it
// rewrote it.
func (s *Server) Restart() {
	s.t.Helper()
	err := s.start()
	if err != nil {
		s.Kill()
		err = s.start()
	}
	if err != nil {
		s.Kill()
		s.t.Fatalf("restart redis-server: %v\n%s", err, s.output)
	}
}

func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	args := []string{"--bind", host, "--port", port, "--dir", s.dir, "--save", "", "--loglevel", "warning", "--repl-diskless-sync-delay", "0"}
	if s.sentinelOf != "" {
		if args, err = s.sentinelArgs(host, port); err != nil {
			return err
		}
	}
	if s.o.ReplicaOf != "" {
		primary, primaryPort, err := net.SplitHostPort(s.o.ReplicaOf)
		if err != nil {
			return err
		}
		args = append(args, "--replicaof", primary+" "+primaryPort)
	}
	if s.o.AppendFsync != "" {
		args = append(args, "--appendonly", "yes", "--appendfsync", s.o.AppendFsync)
	}
	if s.o.Password != "" {
		args = append(args, "--requirepass", s.o.Password)
	}
	s.output = &bytes.Buffer{}
	s.cmd = exec.Command("redis-server", append(args, s.o.Args...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return err
	}
	cmd, ended := s.cmd, make(chan struct{})
	s.ended = ended
	go func() { // ends with the process, which Kill and Stop wait for
		defer close(ended)
		_ = cmd.Wait() // its exit status does not matter
	}()
	return s.ready()
}

// ready waits until the server that was started serves, with its data loaded.
func (s *Server) ready() error {
	client := s.Client()
	defer func() { _ = client.Close() }() // nothing was written
	deadline := time.Now().Add(20 * time.Second)
	for {
		select {
		case <-s.ended:
			return errors.New("redis-server has ended")
		default:
		}
		// The driver logs every connection that is refused; this does not.
		if conn, err := net.Dial("tcp", s.addr); err == nil {
			_ = conn.Close() // it was only opened to see whether it can be
		} else if time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		info, err := client.InfoMap(ctx).Result()
		cancel()
		if err == nil {
			if pid := info["Server"]["process_id"]; pid != strconv.Itoa(s.cmd.Process.Pid) {
				return fmt.Errorf("port of process %s", pid)
			}
			switch {
			case s.sentinelOf != "" || info["Replication"]["master_link_status"] == "up":
				return nil
			case s.o.ReplicaOf != "":
				err = errors.New("it has not all data yet")
			default:
				err = client.Set(context.Background(), "redistest:ready", 1, time.Second).Err()
			}
		}
		if err == nil || strings.HasPrefix(err.Error(), "CLUSTERDOWN") {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
