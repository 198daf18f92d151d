package dbserver_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/dbserver"
	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// engine is a kind of server as tests have it.
type engine struct {
	start func(t testing.TB, o dbserver.Options) *dbserver.Server
	fresh func(t testing.TB) *dbserver.Database
}

// over runs a test for both kinds.
func over(t *testing.T, test func(t *testing.T, e engine)) {
	t.Helper()
	for name, e := range map[string]engine{
		"PostgreSQL": {postgrestest.Start, postgrestest.New},
		"MariaDB":    {mariadbtest.Start, mariadbtest.New},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

func exec(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func count(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	// A connection that a killed server left is found to be so once, or twice.
	testkit.Eventually(t, 10*time.Second, "rows are counted", func() bool { return db.QueryRow("SELECT count(*) FROM a").Scan(&n) == nil })
	return n
}

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	over(t, func(t *testing.T, e engine) {
		for range 2 {
			d := e.fresh(t)
			db := d.Open()
			exec(t, db, "CREATE TABLE a (n INT)", "INSERT INTO a VALUES (1)")
			if got := count(t, db); got != 1 {
				t.Errorf("%d rows", got)
			}
			u, err := url.Parse(d.URL())
			if err != nil || u.Path != "/"+d.Name || u.User.Username() != dbserver.Owner.Name {
				t.Errorf("url %q, %v", d.URL(), err)
			}
			if at, err := url.Parse(d.URLAt("127.0.0.1:1")); err != nil || at.Host != "127.0.0.1:1" {
				t.Errorf("url %q, %v", at, err)
			}
			if reader, err := url.Parse(d.ReaderURL()); err != nil || reader.User.Username() != dbserver.Reader.Name {
				t.Errorf("url %q, %v", reader, err)
			}
		}
	})
}

func TestAKilledServerComesBackWithWhatItAccepted(t *testing.T) {
	over(t, func(t *testing.T, e engine) {
		s := e.start(t, dbserver.Options{})
		db := s.Open()
		exec(t, db, "CREATE TABLE a (n INT)")
		for i, end := range []func(){s.Kill, s.Stop, s.Kill} {
			exec(t, db, fmt.Sprintf("INSERT INTO a VALUES (%d)", i))
			end()
			if err := db.Ping(); err == nil {
				t.Error("a server that was ended responds")
			}
			s.Restart()
			if got := count(t, db); got != i+1 {
				t.Errorf("%d rows, want %d", got, i+1)
			}
		}
	})
}

func TestAServerTakesOnlyTLSWhereATestSaysSo(t *testing.T) {
	over(t, func(t *testing.T, e engine) {
		for _, o := range []dbserver.Options{{TLS: true}, {ClientCertificates: true}} {
			s := e.start(t, o)
			exec(t, s.Open(), "CREATE TABLE a (n INT)")
			if u, err := url.Parse(s.URL()); err != nil || u.Query().Get("sslrootcert") != s.Certificates().Authority {
				t.Errorf("url %q, %v", s.URL(), err)
			}
		}
	})
}

func TestAServersDiskIsFilledAndFreed(t *testing.T) {
	testkit.Long(t)
	over(t, func(t *testing.T, e engine) {
		s := e.start(t, dbserver.Options{DiskMiB: 96})
		db := s.Open()
		exec(t, db, "CREATE TABLE a (t TEXT)")
		insert := func() error {
			_, err := db.Exec("INSERT INTO a VALUES ('" + strings.Repeat("filled", 10_000) + "')")
			return err
		}
		if err := testkit.FillDisk(s.Dir(), 0); err != nil {
			t.Fatal(err)
		}
		var failed error
		for range 1000 {
			if failed = insert(); failed != nil {
				break
			}
		}
		if failed == nil {
			t.Error("rows are accepted for ever")
		}
		if err := testkit.FreeDisk(s.Dir()); err != nil {
			t.Fatal(err)
		}
		if s.Ended() {
			s.Restart()
		}
		testkit.Eventually(t, 30*time.Second, "rows are accepted again", func() bool { return insert() == nil })
	})
}

func TestAServerHasAsManyConnectionsAsATestSays(t *testing.T) {
	over(t, func(t *testing.T, e engine) {
		s := e.start(t, dbserver.Options{MaxConnections: 12})
		db := s.Open()
		for n := range 20 {
			conn, err := db.Conn(t.Context())
			if err != nil {
				if n < 5 || n > 12 {
					t.Errorf("%d connections were made, then: %v", n, err)
				}
				return
			}
			defer func() { _ = conn.Close() }()
		}
		t.Error("there is no limit")
	})
}
