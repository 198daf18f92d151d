// Command backflow-plugin-database is the integration "database": rows in a SQL
// database, each written exactly once for an idempotency key.
//
// It is a plugin process of the Backflow gateway and imports sdk only. What is
// the same for every database is in packages store, rows and statement. A database is
// a package with a driver and its syntax, and a row in the table of schemes in
// settings.go. See docs/database.md.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/backflow/backflow/sdk"
)

func main() {
	p := &plugin{now: time.Now, end: func(reason error) {
		slog.Error("database", "error", reason)
		os.Exit(1)
	}}
	sdk.Serve(p.integration())
	if err := p.Close(); err != nil {
		slog.Error("database: close", "error", err)
	}
}
