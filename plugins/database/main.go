// Command backflow-plugin-database is the integration "database": rows in a SQL
// database, each written exactly once for an idempotency key.
//
// It is a plugin process of the Backflow gateway and imports sdk only. See
// docs/database.md.
package main

import (
	"log/slog"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/integration"
	"github.com/backflow/backflow/sdk"
)

func main() {
	plugin := integration.New(time.Now)
	sdk.Serve(plugin)
	if err := plugin.Close(); err != nil {
		slog.Error("database: close", "error", err)
	}
}
