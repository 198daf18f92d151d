package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/pressly/goose/v3"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk/litter"
)

// migrate applies what is new in a folder, in order, each file in a
// transaction of its own. Migrations that are older than one that was applied
// are an error, and so are files that the library would pass over in silence. Where
// Syntax.DDLCommits, one that fails may have been applied in part.
func migrate(ctx context.Context, syntax *driver.Syntax, db *sql.DB, folder string) error {
	files := meant{os.DirFS(folder)}
	if err := checkFiles(files); err != nil {
		return fmt.Errorf("migrations in %s: %w", folder, err)
	}
	provider, err := goose.NewProvider(syntax.Goose, db, files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("migrations in %s: %w", folder, err)
	}
	if _, err = provider.Up(ctx); err == nil {
		return nil
	}
	var partial *goose.PartialError
	if errors.As(err, &partial) && partial.Failed != nil {
		file := filepath.Join(folder, partial.Failed.Source.Path)
		if syntax.DDLCommits {
			return fmt.Errorf("migration %s: %w; it may be half done, since this database commits each statement that changes the schema at once:"+
				" undo by hand what it did, or remove it from the file, before the next start", file, partial.Err)
		}
		return fmt.Errorf("migration %s: %w", file, partial.Err)
	}
	return fmt.Errorf("migrations in %s: %w", folder, err)
}

// meant is a folder without the files that editors and file managers leave there.
type meant struct{ fs.FS }

// ReadDir lists the files that are meant.
func (m meant) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(m.FS, name)
	return slices.DeleteFunc(entries, func(entry fs.DirEntry) bool { return litter.Is(entry.Name()) }), err
}

// checkFiles refuses names that say nothing of the order.
func checkFiles(files fs.FS) error {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if len(names) == 0 {
		return errors.New("the folder holds no migrations; name them like 00001_payments.sql")
	}
	for _, name := range names {
		if _, err := goose.NumericComponent(name); err != nil {
			return fmt.Errorf("%s: a migration's name starts with its number, as in 00001_payments.sql: %w", name, err)
		}
	}
	return nil
}
