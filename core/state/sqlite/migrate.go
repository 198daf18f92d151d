package sqlite

import (
	"errors"
	"fmt"
)

// applicationID marks a state file ("BFst"), so that another program's database
// is refused instead of filled.
const applicationID = 0x42467374

// migrations bring a file from version i to i+1. They are only ever added to.
//
// A commit costs as much as the pages that it changes, so what grows fast must
// grow at few places. Entries of all journals are one table in the order of
// their writing: those of one transaction lie side by side, however many runs
// they belong to. A journal is a number there, that of its first entry, which
// alone holds its id. The other tables are clustered by their key (WITHOUT
// ROWID), which with time-ordered ids grows at its right edge.
//
// Ids are TEXT, which SQLite compares by bytes and which may hold any bytes. An
// empty value is NULL. Times are Unix milliseconds.
var migrations = []string{`
CREATE TABLE record (
	bucket  TEXT NOT NULL,
	id      TEXT NOT NULL,
	value   BLOB,
	expires INTEGER,
	PRIMARY KEY (bucket, id)
) WITHOUT ROWID;
CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;
CREATE TABLE member (
	name   TEXT NOT NULL,
	member TEXT NOT NULL,
	PRIMARY KEY (name, member)
) WITHOUT ROWID;
CREATE TABLE entry (
	number  INTEGER PRIMARY KEY,
	journal INTEGER NOT NULL,
	id      TEXT,
	value   BLOB
);
CREATE INDEX entry_journal ON entry (journal);
CREATE UNIQUE INDEX entry_id ON entry (id) WHERE id IS NOT NULL;
CREATE TABLE timer (
	queue TEXT NOT NULL,
	id    TEXT NOT NULL,
	at    INTEGER NOT NULL,
	PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (queue, at, id);
`}

// migrate brings the file up to date, one transaction a version.
func migrate(c *conn) error {
	app, err := c.integer("PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := c.integer("PRAGMA user_version")
	if err != nil {
		return err
	}
	if app != applicationID {
		tables, err := c.integer("SELECT count(*) FROM sqlite_schema")
		if err != nil {
			return err
		}
		if app != 0 || version != 0 || tables != 0 {
			return errors.New("the file is another program's database")
		}
	}
	if version > int64(len(migrations)) {
		return fmt.Errorf("the file has format %d, written by a newer version; this one knows up to %d", version, len(migrations))
	}
	for v := int(version); v < len(migrations); v++ {
		script := fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			migrations[v], applicationID, v+1)
		if err := c.exec(script); err != nil {
			return errors.Join(fmt.Errorf("migrate to format %d: %w", v+1, err), c.exec("ROLLBACK"))
		}
	}
	return nil
}
