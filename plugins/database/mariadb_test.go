package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/sdk"
)

// onMariaDB is a configured plugin over a database, and a connection to look at it.
func onMariaDB(t *testing.T, database *mariadbtest.Database, ddl ...string) (served, *sql.DB) {
	t.Helper()
	look := database.Open()
	for _, statement := range ddl {
		if _, err := look.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return configured(t, t.TempDir(), `{"url":"`+database.URL()+`"}`, newClock()), look
}

func count(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// TestAMigrationOfMariaDBThatFailsSaysThatItIsHalfDone: each statement that changes the
// schema is committed at once.
func TestAMigrationOfMariaDBThatFailsSaysThatItIsHalfDone(t *testing.T) {
	database := mariadbtest.New(t)
	dir := t.TempDir()
	writeMigration(t, dir, "00001_a.sql", "CREATE TABLE a (id INT)")
	writeMigration(t, dir, "00002_b.sql", "CREATE TABLE b (id INT);\n-- +goose StatementEnd\n-- +goose StatementBegin\nCREATE TABLE a (id INT)")
	credentials := `{"url":"` + strings.Replace(database.URL(), "mysql://", "mariadb://", 1) + `","migrations":"migrations"}`
	start := func() (served, error) {
		plugin := newServed(newClock().now)
		return plugin, plugin.Configure(t.Context(), sdk.Config{Credentials: json.RawMessage(credentials), BaseDir: dir, DataDir: dir})
	}
	_, err := start()
	if err == nil || !strings.Contains(err.Error(), "00002_b.sql") || !strings.Contains(err.Error(), "half done") {
		t.Fatalf("start: %v", err)
	}
	look := database.Open()
	if n := count(t, look, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('a', 'b')"); n != 2 {
		t.Errorf("%d of the two tables are there", n)
	}
	// What it says to do is enough.
	writeMigration(t, dir, "00002_b.sql", "CREATE TABLE c (id INT)")
	plugin, err := start()
	if err != nil {
		t.Fatal(err)
	}
	if err := plugin.Close(); err != nil {
		t.Error(err)
	}
	if n := count(t, look, "SELECT MAX(version_id) FROM goose_db_version"); n != 2 {
		t.Errorf("version %d", n)
	}
}

// TestATableWithoutTransactionsIsOnlyRead: a row in it would stay when its key is rolled
// back.
func TestATableWithoutTransactionsIsOnlyRead(t *testing.T) {
	plugin, look := onMariaDB(t, mariadbtest.New(t), "CREATE TABLE a (id INT) ENGINE = MyISAM", "INSERT INTO a VALUES (1)")
	_, err := insert(plugin, "key", `{"table":"a","data":{"id":2}}`)
	var refused *sdk.Error
	if !errors.As(err, &refused) || refused.Code != sdk.CodeInvalidParams || refused.Outcome != sdk.OutcomeNotExecuted || refused.Faults[0].Pointer != "/table" || !strings.Contains(refused.Message, "InnoDB") {
		t.Errorf("insert: %+v", err)
	}
	if n := count(t, look, "SELECT COUNT(*) FROM a"); n != 1 {
		t.Errorf("%d rows", n)
	}
	result, err := plugin.Execute(t.Context(), sdk.Call{Action: "count", Params: json.RawMessage(`{"table":"a"}`)})
	if err != nil || string(result.Body) != `{"count":1}` {
		t.Errorf("count: %s, %v", result.Body, err)
	}
}

// TestASettingThatLosesRowsIsLogged: once, at the start.
func TestASettingThatLosesRowsIsLogged(t *testing.T) {
	server := mariadbtest.Start(t, mariadbtest.Options{More: []string{"innodb-flush-log-at-trx-commit=0"}})
	var logged bytes.Buffer
	plugin := newServed(newClock().now)
	ctx := sdk.WithLogger(t.Context(), slog.New(slog.NewTextHandler(&logged, nil)))
	if err := plugin.Configure(ctx, sdk.Config{Credentials: json.RawMessage(`{"url":"` + server.URL() + `"}`), BaseDir: t.TempDir(), DataDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if err := plugin.Close(); err != nil {
		t.Error(err)
	}
	if text := logged.String(); strings.Count(text, "innodb_flush_log_at_trx_commit of the server is 0") != 1 || !strings.Contains(text, "level=WARN") {
		t.Errorf("logged: %s", text)
	}
}

// TestOneKeyOfMariaDBHasOneEffectOverReplicas: calls with the same few keys at the same
// time, over several processes' connections, half of them refused: each key has one
// effect, every call with it the one result, and no call fails for the others' sake.
func TestOneKeyOfMariaDBHasOneEffectOverReplicas(t *testing.T) {
	database := mariadbtest.New(t)
	first, look := onMariaDB(t, database, "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, n INT CHECK (n > 0))")
	second, _ := onMariaDB(t, database)
	replicas := []served{first, second}
	const keys, callers = 8, 6
	var group sync.WaitGroup
	results := make([][]string, keys)
	for key := range keys {
		results[key] = make([]string, callers)
		for caller := range callers {
			group.Go(func() {
				plugin := replicas[caller%len(replicas)]
				// The check refuses it after the key was taken.
				if _, err := insert(plugin, fmt.Sprint("key ", key), `{"table":"a","data":{"n":0}}`); !isInvalid(err) {
					t.Errorf("key %d: refused with %v", key, err)
				}
				var err error
				if results[key][caller], err = insert(plugin, fmt.Sprint("good key ", key), fmt.Sprintf(`{"table":"a","data":{"n":%d}}`, key+1)); err != nil {
					t.Errorf("key %d: %v", key, err)
				}
			})
		}
	}
	group.Wait()
	for key, got := range results {
		for _, result := range got {
			if result != got[0] {
				t.Errorf("key %d: %s and %s", key, result, got[0])
			}
		}
	}
	if n := count(t, look, "SELECT COUNT(*) FROM a"); n != keys {
		t.Errorf("%d rows for %d keys", n, keys)
	}
	if n := count(t, look, "SELECT COUNT(*) FROM backflow_keys"); n != keys {
		t.Errorf("%d keys are recorded", n)
	}
}

func isInvalid(err error) bool {
	var failed *sdk.Error
	return errors.As(err, &failed) && failed.Code == sdk.CodeInvalidParams
}

// TestARowThatIsTooLargeIsRefused: before it is sent, since the server would end the
// connection.
func TestARowThatIsTooLargeIsRefused(t *testing.T) {
	server := mariadbtest.Start(t, mariadbtest.Options{More: []string{"max-allowed-packet=65536"}})
	plugin, _ := onMariaDB(t, server.Database, "CREATE TABLE a (t LONGTEXT)")
	_, err := insert(plugin, "", `{"table":"a","data":{"t":"`+strings.Repeat("x", 100_000)+`"}}`)
	var refused *sdk.Error
	if !errors.As(err, &refused) || refused.Code != sdk.CodeRejected || refused.Outcome != sdk.OutcomeNotExecuted || !strings.Contains(refused.Message, "max_allowed_packet") {
		t.Errorf("%+v", err)
	}
	if _, err := insert(plugin, "", `{"table":"a","data":{"t":"x"}}`); err != nil {
		t.Error(err)
	}
}

// TestAnAccountThatMayNotMakeTheTableOfKeysIsShownHow: the statement is in the error.
func TestAnAccountThatMayNotMakeTheTableOfKeysIsShownHow(t *testing.T) {
	database := mariadbtest.New(t)
	plugin := newServed(newClock().now)
	err := plugin.Configure(context.Background(), sdk.Config{Credentials: json.RawMessage(`{"url":"` + database.ReaderURL() + `"}`), BaseDir: t.TempDir(), DataDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "CREATE TABLE IF NOT EXISTS backflow_keys") || !strings.Contains(err.Error(), "ENGINE = InnoDB") {
		t.Errorf("%v", err)
	}
}
