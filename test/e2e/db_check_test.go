package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// TestDbCheckTellsWhatDoesNotFitTheLiveDatabaseAndChangesNothing: with file, line and
// column, within a transaction too; a migration that is not applied yet stays so.
func TestDbCheckTellsWhatDoesNotFitTheLiveDatabaseAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newCounter(t)
	code, stdout, stderr := s.Run("db", "check", "-c", s.Config())
	if want := s.Config() + ": 1 use of database checked\n"; code != 0 || stdout != want {
		t.Fatalf("exit code %d, %s%s", code, stdout, stderr)
	}
	s.exec(t, "ALTER TABLE lines RENAME COLUMN sku TO article")
	s.migration(t, "00002_late.sql", "CREATE TABLE late (id INTEGER PRIMARY KEY);")
	code, stdout, stderr = s.Run("db", "check", "-c", s.Config())
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 1 || len(lines) != 2 || !strings.HasPrefix(lines[0], s.Config()+":11:") || !strings.Contains(lines[0], `database.transaction: table "lines" has no column "sku"`) {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	if !strings.Contains(stderr, "migrations are not applied yet") || !strings.Contains(stderr, "00002_late.sql") {
		t.Errorf("the migration is not noted: %s", stderr)
	}
	if n := s.count(t, "sqlite_schema", "name = 'late'"); n != 0 {
		t.Error("the migration was applied")
	}
}

// TestDbCheckOfADatabaseThatIsNotThereMakesNone and says so.
func TestDbCheckOfADatabaseThatIsNotThereMakesNone(t *testing.T) {
	t.Parallel()
	s := &harness{Site: program.NewSite(t, binaries)}
	s.WriteConfig("none.json", `{
  "credentials": { "database": { "url": "sqlite://none/app.db" } },
  "workflows": [{ "id": "w", "steps": [{ "type": "database", "action": "insert", "params": { "table": "orders", "data": {} } }] }],
  "pluginDirs": ["`+s.Plugins+`"]
}`)
	code, stdout, stderr := s.Run("db", "check", "-c", s.Config())
	if code != 1 || !strings.Contains(stdout+stderr, "the database is not there yet") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "configs", "none")); err == nil {
		t.Error("its folder was made")
	}
}
