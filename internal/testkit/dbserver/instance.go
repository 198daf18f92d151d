package dbserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/daemon"
)

// instance is a server that has its directory.
type instance struct {
	engine   *Engine
	programs map[string]string
	account  daemon.Account
	// dir has the data in "data", which is a file system of its own if disk is not 0.
	dir  string
	disk int

	addr         string
	certificates *Certificates
	daemon       *daemon.Daemon
}

// newInstance makes the directory of a server from the template, below parent.
func newInstance(e *Engine, o Options, parent string) (i *instance, missing string, err error) {
	i = &instance{engine: e, disk: o.DiskMiB}
	if i.programs, missing = e.find(); missing != "" {
		return nil, missing, nil
	}
	if i.account, err = e.account(); err != nil {
		return nil, err.Error(), nil
	}
	template, err := e.template(i.programs, i.account)
	if err != nil {
		return nil, "", err
	}
	if i.dir, err = newDir(i.account, parent); err != nil {
		return nil, "", err
	}
	defer func() {
		if missing != "" || err != nil {
			err = errors.Join(err, i.remove())
		}
	}()
	if o.DiskMiB > 0 {
		if failed := testkit.Mount(i.dir, o.DiskMiB); failed != nil {
			i.disk = 0
			return nil, failed.Error(), nil
		}
	}
	if err := copyTree(template, filepath.Join(i.dir, "data")); err != nil {
		return nil, "", err
	}
	if err := os.Chmod(filepath.Join(i.dir, "data"), 0o700); err != nil { //nolint:gosec // a directory that its owner enters
		return nil, "", err
	}
	if o.TLS || o.ClientCertificates {
		if i.certificates, err = newCertificates(i.dir, o.CertificateFor); err != nil {
			return nil, "", err
		}
	}
	return i, "", i.account.Own(i.dir)
}

// remove removes the directory of a server that does not run.
func (i *instance) remove() error {
	var failed error
	if i.disk > 0 {
		failed = testkit.Unmount(i.dir)
	}
	return errors.Join(failed, os.RemoveAll(i.dir))
}

// startTime is how long a server may take until it serves: one that was killed reads its
// log first.
const startTime = time.Minute

// start starts the server, on its port if it has one, and waits until it serves.
func (i *instance) start(o Options, as User) error {
	if i.addr != "" {
		return i.startOn(i.addr, o, as)
	}
	// Another process may take the free port before the server does.
	var failed error
	for range 5 {
		addr, err := freeAddr()
		if err != nil {
			return err
		}
		if failed = i.startOn(addr, o, as); failed == nil {
			i.addr = addr
			return nil
		}
	}
	return failed
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close() // only its port was needed
}

func (i *instance) startOn(addr string, o Options, as User) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	settings := Settings{
		Data: filepath.Join(i.dir, "data"), Dir: i.dir, Host: host, Port: port, Certificates: i.certificates,
		ClientCertificates: o.ClientCertificates, New: as == i.engine.Initial, MaxConnections: o.MaxConnections, More: o.More,
	}
	if settings.MaxConnections == 0 {
		settings.MaxConnections = 250
	}
	args, err := i.engine.Args(settings)
	if err != nil {
		return err
	}
	server := &daemon.Daemon{
		Dir: i.dir, Mounted: i.disk > 0, Account: i.account, Last: i.engine.Last,
		Command: append([]string{i.programs[i.engine.Programs[0]]}, args...),
	}
	if err := server.Start(); err != nil {
		return err
	}
	i.daemon = server
	if err := server.Await(startTime, func() error { return i.serves(addr, as) }); err != nil {
		return errors.Join(err, server.Kill("KILL"))
	}
	return nil
}

// serves returns an error unless this server responds at the address.
func (i *instance) serves(addr string, as User) error {
	// Drivers try several times, and log.
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	_ = conn.Close() // it was only opened to see whether it can be
	db, err := i.engine.Connect(Target{Addr: addr, User: as, Certificates: i.certificates})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // nothing was written
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var where string
	if err := db.QueryRowContext(ctx, i.engine.Where).Scan(&where); err != nil {
		return err
	}
	if want := filepath.Join(i.dir, "data"); filepath.Clean(where) != want {
		return fmt.Errorf("the server at %s has its data in %s", addr, where)
	}
	return nil
}

// run executes statements outside of a test's database.
func (i *instance) run(as User, statements []string) error {
	db, err := i.engine.Connect(Target{Addr: i.addr, User: as, Certificates: i.certificates})
	if err != nil {
		return err
	}
	var failed error
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			failed = fmt.Errorf("%s: %w", statement, err)
			break
		}
	}
	return errors.Join(failed, db.Close())
}
