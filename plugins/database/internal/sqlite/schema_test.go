package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// TestKindsFollowSQLitesAffinity asks SQLite what each declared type does with
// the texts 5 and 0.5, and holds the kind that we take it for against that.
func TestKindsFollowSQLitesAffinity(t *testing.T) {
	store := New(filepath.Join(t.TempDir(), "a.db"), driver.Options{})
	if err := store.Make(); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	affinities := map[string][]driver.Kind{
		"integer real": {driver.KindInteger, driver.KindNumeric, driver.KindBoolean, driver.KindJSON, driver.KindTime, driver.KindDate, driver.KindLoose},
		"real real":    {driver.KindReal},
		"text text":    {driver.KindText, driver.KindBlob, driver.KindAny},
	}
	for i, c := range []struct {
		declared string
		kind     driver.Kind
	}{
		{"", driver.KindAny},
		{"INTEGER", driver.KindInteger},
		{"bigint unsigned", driver.KindInteger},
		{"INT8", driver.KindInteger},
		{"CHARINT", driver.KindInteger},
		{"FLOATING POINT", driver.KindInteger},
		{"varchar(255)", driver.KindText},
		{"Native Character(70)", driver.KindText},
		{"CLOB", driver.KindText},
		{"TEXT", driver.KindText},
		{"BLOB", driver.KindBlob},
		{"DOUBLE PRECISION", driver.KindReal},
		{"float(8)", driver.KindReal},
		{"DECIMAL(10,5)", driver.KindNumeric},
		{"numeric", driver.KindNumeric},
		{"money", driver.KindNumeric},
		{"BOOLEAN", driver.KindBoolean},
		{"bool", driver.KindBoolean},
		{"JSON", driver.KindJSON},
		{"jsonb", driver.KindJSON},
		{"DATETIME", driver.KindTime},
		{"timestamp with time zone", driver.KindTime},
		{"DATE", driver.KindDate},
		{"TIME", driver.KindLoose},
		{"UUID", driver.KindLoose},
		{"STRING", driver.KindLoose},
		{"ANY", driver.KindLoose},
	} {
		table := fmt.Sprintf("t%d", i)
		if _, err := db.Exec("CREATE TABLE " + table + " (a " + c.declared + ", b " + c.declared + ")"); err != nil {
			t.Fatalf("%s: %v", c.declared, err)
		}
		if _, err := db.Exec("INSERT INTO " + table + " VALUES ('5', '0.5')"); err != nil {
			t.Fatalf("%s: %v", c.declared, err)
		}
		var stored string
		if err := db.QueryRow("SELECT typeof(a) || ' ' || typeof(b) FROM " + table).Scan(&stored); err != nil {
			t.Fatalf("%s: %v", c.declared, err)
		}
		kind := kindOf(c.declared, false)
		if kind != c.kind || !slices.Contains(affinities[stored], kind) {
			t.Errorf("%q is kind %d, want %d; SQLite stores %s", c.declared, kind, c.kind, stored)
		}
	}
	if kindOf("ANY", true) != driver.KindAny {
		t.Error("ANY of a STRICT table changes nothing")
	}
}

func TestAFileThatWentAwayIsNotMadeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone.db")
	db, err := sql.Open("sqlite", newSQLite(path).source(settings))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("a connection was made to a file that is not there")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
}

func TestKeysAndViewsAreRead(t *testing.T) {
	db := newSQLite(filepath.Join(t.TempDir(), "a.db"))
	if err := db.Make(); err != nil {
		t.Fatal(err)
	}
	opened, err := db.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := opened.Exec(`CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, tenant INTEGER, number INTEGER, name TEXT, UNIQUE (tenant, number));
CREATE UNIQUE INDEX by_part ON people (name) WHERE name > 'a';
CREATE UNIQUE INDEX by_expression ON people (tenant, lower(name));
CREATE TABLE pairs (a TEXT, b TEXT, rowid TEXT, PRIMARY KEY (b, a)) WITHOUT ROWID;
CREATE TABLE hidden (rowid INTEGER, _rowid_ INTEGER, oid INTEGER);
CREATE VIEW names AS SELECT name FROM people`); err != nil {
		t.Fatal(err)
	}
	conn, err := opened.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		table string
		keys  [][]string
		null  []string
		rowID string
		view  bool
	}{
		{"people", [][]string{{"id"}, {"tenant", "number"}, {"email"}}, []string{"tenant", "number", "name"}, "rowid", false},
		{"pairs", [][]string{{"b", "a"}}, []string{"rowid"}, "", false},
		{"hidden", nil, []string{"rowid", "_rowid_", "oid"}, "", false},
		{"names", nil, []string{"name"}, "", true},
	} {
		table, err := db.Describe(t.Context(), conn, c.table)
		if err != nil {
			t.Fatal(err)
		}
		var null []string
		for _, column := range table.Columns {
			if column.Nullable {
				null = append(null, column.Name)
			}
		}
		if !slices.EqualFunc(table.UniqueKeys, c.keys, slices.Equal[[]string]) || !slices.Equal(null, c.null) || table.RowID != c.rowID || table.View != c.view {
			t.Errorf("%s: keys %q, nullable %q, row number %q, view %t", c.table, table.UniqueKeys, null, table.RowID, table.View)
		}
	}
}
