package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/internal/testkit/postgrestest"
	"github.com/backflow/backflow/plugins/database/internal/databasetest"
	"github.com/backflow/backflow/sdk"
)

// start makes a plugin for the suite.
func start(now func() time.Time) sdk.Plugin { return newServed(now) }

var postgresEngine = databasetest.Engine{Name: databasetest.PostgreSQL, Fresh: func(t testing.TB) databasetest.Place {
	d := postgrestest.New(t)
	return databasetest.Place{URL: d.URL(), Dir: t.TempDir(), DB: d.Open()}
}}

// engines are the databases that the suite runs over.
var engines = []databasetest.Engine{
	postgresEngine,
	{Name: databasetest.MariaDB, Fresh: func(t testing.TB) databasetest.Place {
		d := mariadbtest.New(t)
		return databasetest.Place{URL: d.URL(), Dir: t.TempDir(), DB: d.Open()}
	}},
	{Name: databasetest.SQLite, Fresh: func(t testing.TB) databasetest.Place {
		dir := t.TempDir()
		return databasetest.Place{URL: "sqlite://app.db", Dir: dir, DB: lookAt(t, filepath.Join(dir, "app.db"))}
	}},
}

// TestEveryDatabaseKeepsEveryPromise runs the one suite over all of them.
func TestEveryDatabaseKeepsEveryPromise(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			databasetest.Run(t, start, engine)
		})
	}
}

// TestEveryActionMayBePartOfATransaction: none is forgotten in the list of them.
func TestEveryActionMayBePartOfATransaction(t *testing.T) {
	f := newFixture(t)
	for _, action := range f.plugin.Manifest().Actions {
		if action.Name == "transaction" {
			continue
		}
		_, err := f.plugin.Execute(t.Context(), sdk.Call{Action: "transaction", Params: json.RawMessage(`{"operations":[{"action":"` + action.Name + `","params":{}}]}`)})
		if err == nil || strings.Contains(err.Error(), "there is no action") {
			t.Errorf("%s: %v", action.Name, err)
		}
	}
}
