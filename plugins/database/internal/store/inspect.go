package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pressly/goose/v3"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/sdk"
)

// ErrInspected is the error of a statement of a Tx that only inspects: what came before
// it fits the database. It is matched by errors.Is.
var ErrInspected = errors.New("it is only looked whether this would be done")

// Inspect opens a database to look at it: nothing is made, migrated or changed. The error
// matches fs.ErrNotExist where the database is not there and a start would make it.
func Inspect(ctx context.Context, settings Settings) (*Store, error) {
	open := settings.Database.Open
	if inspectable, ok := settings.Database.Driver.(driver.Inspectable); ok {
		open = inspectable.OpenInspecting
	}
	db, err := open(ctx)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	database, err := fitted(ctx, settings.Database, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("database: %w", err), db.Close())
	}
	return &Store{
		Database: database, db: db, reading: db, keys: newKeys(&database.Syntax, settings.Now),
		access: cmp.Or(settings.Access, access.New(nil)), numbersAsText: settings.NumbersAsText, queries: settings.Queries,
	}, nil
}

// Inspect runs work whose statements are not run, but fail with ErrInspected. open says
// which values stand for others that are not known: they are taken for what fits.
func (s *Store) Inspect(ctx context.Context, open func(driver.JSON) bool, work func(*Tx) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.failed(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // gives the connection back to the pool, or says that it was discarded
	tx := s.tx(ctx, conn)
	tx.open = open
	if err := work(tx); err != nil && !errors.Is(err, ErrInspected) {
		return s.failed(ctx, err)
	}
	return nil
}

// Bind turns a JSON value into what is bound for the column; see driver.Driver.
func (tx *Tx) Bind(column driver.Column, value driver.JSON) (any, error) {
	if tx.open != nil && tx.open(value) {
		return nil, nil
	}
	return tx.Database.Bind(column, value)
}

// Access returns what is wrong with the rules of access, with pointers into the
// credentials.
func (s *Store) Access(ctx context.Context) (faults []sdk.Fault, err error) {
	conn, err := s.reading.Conn(ctx)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // gives the connection back to the pool, or says that it was discarded
	return s.access.Check(schema{s.tx(ctx, conn)})
}

// KeysTable reports whether the table of idempotency keys is there. The error is that of
// one that cannot be used, with the statements that make it.
func (s *Store) KeysTable(ctx context.Context) (there bool, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return false, s.failed(ctx, err)
	}
	_, err = s.Describe(ctx, conn, statement.KeysTable)
	if err = errors.Join(err, conn.Close()); err != nil {
		if errors.Is(err, driver.ErrNoTable) {
			return false, nil
		}
		return false, err
	}
	if err := s.keys.usable(ctx, s.db); err != nil {
		return true, s.keys.missing(err)
	}
	return true, nil
}

// Pending lists the migrations of a folder that are not applied yet.
func (s *Store) Pending(ctx context.Context, folder string) ([]string, error) {
	files := meant{os.DirFS(folder)}
	if err := checkFiles(files); err != nil {
		return nil, fmt.Errorf("migrations in %s: %w", folder, err)
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // gives the connection back to the pool, or says that it was discarded
	applied := make(map[string]bool)
	_, err = s.Describe(ctx, conn, goose.DefaultTablename)
	if err == nil {
		var rows [][]any
		if rows, err = driver.Query(ctx, conn, "SELECT version_id FROM "+goose.DefaultTablename); err != nil {
			return nil, fmt.Errorf("read the migrations that are applied: %w", err)
		}
		for _, row := range rows {
			applied[fmt.Sprint(row[0])] = true
		}
	} else if !errors.Is(err, driver.ErrNoTable) {
		return nil, fmt.Errorf("describe table: %w", err)
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	var pending []string
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err == nil && !applied[fmt.Sprint(version)] {
			pending = append(pending, name)
		}
	}
	return pending, nil
}
