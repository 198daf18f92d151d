package dbserver

import (
	"crypto/rand"
	"database/sql"
	"strings"
	"testing"
)

// Database is an empty database of one test. Its methods fail the test when they fail;
// they must be called from the test's goroutine.
type Database struct {
	// Name is a valid identifier in lower case.
	Name     string
	t        testing.TB
	instance *instance
}

// newDatabase makes a database, which is removed with the test if its server runs then.
func newDatabase(t testing.TB, i *instance) *Database {
	t.Helper()
	d := &Database{t: t, instance: i, Name: "test_" + strings.ToLower(rand.Text())}
	if err := i.run(Admin, i.engine.Create(d.Name)); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *Database) target(user User) Target {
	return Target{Addr: d.instance.addr, User: user, Database: d.Name, Certificates: d.instance.certificates}
}

// URL is the database for a config: as the user who may do everything in it, with the
// authority that signed the server's certificate, if it has one.
func (d *Database) URL() string { return d.instance.engine.URL(d.target(Owner)) }

// ReaderURL is the same for the user who may only read.
func (d *Database) ReaderURL() string { return d.instance.engine.URL(d.target(Reader)) }

// URLAt is URL at another address, as of a proxy.
func (d *Database) URLAt(addr string) string {
	target := d.target(Owner)
	target.Addr = addr
	return d.instance.engine.URL(target)
}

// Certificates are those of the server; nil without TLS.
func (d *Database) Certificates() *Certificates { return d.instance.certificates }

// Open connects as the user of URL, to look at the database beside the plugin. The test
// closes it.
func (d *Database) Open() *sql.DB {
	d.t.Helper()
	return d.open(Owner)
}

// OpenAdmin is Open for a user who may do everything on the server.
func (d *Database) OpenAdmin() *sql.DB {
	d.t.Helper()
	return d.open(Admin)
}

func (d *Database) open(user User) *sql.DB {
	d.t.Helper()
	db, err := d.instance.engine.Connect(d.target(user))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = db.Close() }) // the server may be gone
	return db
}
