package dbserver

import (
	"testing"

	"github.com/backflow/backflow/internal/testkit"
)

// Options configure a server of one test.
type Options struct {
	// TLS: the server takes TLS connections only. Its certificate is for CertificateFor,
	// or for 127.0.0.1 and localhost if that is empty.
	TLS            bool
	CertificateFor []string
	// ClientCertificates: the user of URL has to show one that Certificates.Authority
	// signed; implies TLS.
	ClientCertificates bool
	// MaxConnections is the server's limit; 0 is 250. PostgreSQL keeps three of them for
	// superusers; MariaDB takes no less than ten, and has one more for the admin.
	MaxConnections int
	// DiskMiB puts the server's files on a file system of this size, for testkit.FillDisk; 0 does not.
	// Where none can be mounted, the test is skipped as without a server.
	DiskMiB int
	// More are further settings, as "name=value".
	More []string
}

// Server is a server of one test, running or not, with a database. Its methods fail the
// test when they fail; they must be called from the test's goroutine.
type Server struct {
	*Database
	t        testing.TB
	o        Options
	instance *instance
}

// Start runs a server of its own for a test, until the test ends: to be killed, restarted
// or filled, or with other settings. Where it is not installed, the test is skipped, or
// fails if BACKFLOW_REQUIRE_SERVERS is 1.
func Start(t testing.TB, e *Engine, o Options) *Server {
	t.Helper()
	i, missing, err := newInstance(e, o, "")
	if missing != "" {
		testkit.Missing(t, missing)
	}
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	s := &Server{t: t, o: o, instance: i}
	t.Cleanup(func() {
		s.end(e.Last)
		if err := i.remove(); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	})
	if err := i.start(o, Admin); err != nil {
		t.Fatal(err)
	}
	if o.ClientCertificates {
		if err := i.run(Admin, e.RequireCertificate); err != nil {
			t.Fatal(err)
		}
	}
	s.Database = newDatabase(t, i)
	return s
}

// Addr is the server's host:port, which it keeps.
func (s *Server) Addr() string { return s.instance.addr }

// Kill ends the server as kill -9 does, and waits until it is gone.
func (s *Server) Kill() {
	s.t.Helper()
	s.end("KILL")
}

// Stop ends the server in order, as its service is stopped: connections are closed, and
// what they had not committed is undone. It waits until it is gone.
func (s *Server) Stop() {
	s.t.Helper()
	s.end(s.instance.engine.Stop)
}

func (s *Server) end(signal string) {
	s.t.Helper()
	if s.instance.daemon == nil {
		return
	}
	if err := s.instance.daemon.Kill(signal); err != nil {
		s.t.Errorf("end %s: %v", s.instance.engine.Name, err)
	}
}

// Restart starts a server again that was killed or stopped, or that ended by itself, on
// the same port and data, and waits until it serves. As under a supervisor, it is started
// again if it ends: after a kill, processes of the old one may hold its memory for a moment.
func (s *Server) Restart() {
	s.t.Helper()
	if s.instance.daemon.Runs() && !s.instance.daemon.Ended() {
		s.t.Fatal("restart: it runs")
	}
	s.end("KILL") // what waits for one that ended by itself
	var err error
	for range 20 {
		if err = s.instance.start(s.o, Admin); err == nil {
			return
		}
	}
	s.t.Fatalf("restart: %v", err)
}

// Ended reports whether the server ended by itself.
func (s *Server) Ended() bool { return s.instance.daemon.Ended() }

// Dir is the directory of the server's files, for testkit.FillDisk where it is a disk.
func (s *Server) Dir() string { return s.instance.dir }
