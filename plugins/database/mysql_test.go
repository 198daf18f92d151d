package main

import (
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/plugins/database/internal/databasetest"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/mysql"
	"github.com/backflow/backflow/sdk"
)

// withoutReturning is the scheme of a MariaDB that is talked to as MySQL is, which has no
// RETURNING: every row is read again.
const withoutReturning = "withoutreturning"

func init() {
	databases = append(databases, backend{
		scheme: withoutReturning, form: "as mysql", description: "as mysql",
		locate: func(location, baseDir string, options driver.Options) (driver.Database, error) {
			found, err := mysql.Locate(location, baseDir, options)
			// All that is left of the driver is what every driver has: it does not look which
			// server it is.
			found.Driver = struct{ driver.Driver }{found.Driver}
			return found, err
		},
	})
}

// TestMySQLKeepsEveryPromise: as far as it differs from MariaDB in what it can do.
func TestMySQLKeepsEveryPromise(t *testing.T) {
	testkit.Long(t)
	databasetest.Run(t, func(now func() time.Time) sdk.Plugin { return newServed(now) }, databasetest.Engine{
		Name: databasetest.MariaDB, NoReturning: true,
		Fresh: func(t testing.TB) databasetest.Place {
			d := mariadbtest.New(t)
			return databasetest.Place{URL: strings.Replace(d.URL(), "mysql", withoutReturning, 1), Dir: t.TempDir(), DB: d.Open()}
		},
	})
}
