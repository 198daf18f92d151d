package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/databasetest"
	"github.com/backflow/backflow/sdk"
)

// engines are the databases that the suite runs over.
var engines = []databasetest.Engine{
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
			databasetest.Run(t, func(now func() time.Time) sdk.Plugin { return newServed(now) }, engine)
		})
	}
}
