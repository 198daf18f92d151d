package mysql

import (
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/plugins/database/internal/driver"
)

func TestAUrlNamesOneServer(t *testing.T) {
	for location, want := range map[string]struct{ network, address, says string }{
		"shop:p%40ss@db.example/app":                       {network: "tcp", address: "db.example:3306"},
		"shop@[::1]:3307/app":                              {network: "tcp", address: "[::1]:3307"},
		"shop@/app?host=/run/mysqld/mysqld.sock":           {network: "unix", address: "/run/mysqld/mysqld.sock"},
		"shop:hunter2@a,b/app":                             {says: "several hosts"},
		"shop:hunter2@db/app?allowAllFiles=true":           {says: "parameter"},
		"shop:hunter2@db/app?multi_statements=true":        {says: "does not take the parameter multi_statements"},
		"shop:hunter2@db/app?sslmode=prefer":               {says: "without encryption"},
		"shop:hunter2@db/app?sslmode=verify-full&charset=": {says: "charset"},
		"shop:hun@ter2@db/app":                             {says: "%40"},
	} {
		config, err := configOf(location, t.TempDir())
		if want.says != "" {
			if err == nil || !strings.Contains(err.Error(), want.says) || strings.Contains(err.Error(), "hun") {
				t.Errorf("%s: %v", location, err)
			}
			continue
		}
		must(t, err)
		if config.Net != want.network || config.Addr != want.address || config.DBName != "app" || config.User != "shop" {
			t.Errorf("%s: %s %s", location, config.Net, config.Addr)
		}
		if config.MultiStatements || config.InterpolateParams || config.ParseTime || config.AllowAllFiles || config.AllowCleartextPasswords ||
			config.AllowOldPasswords || config.AllowFallbackToPlaintext || !config.ClientFoundRows {
			t.Errorf("%s: %+v", location, config)
		}
	}
}

// TestACertificateIsAsTheUrlSays: and a server without one is not talked to in plain text.
func TestACertificateIsAsTheUrlSays(t *testing.T) {
	server := mariadbtest.Start(t, mariadbtest.Options{TLS: true, CertificateFor: []string{"127.0.0.1"}})
	plain := strings.TrimPrefix(strings.SplitN(server.URL(), "?", 2)[0], "mysql://")
	elsewhere := strings.Replace(plain, "127.0.0.1", "localhost", 1)
	c := server.Certificates()
	withoutTLS := strings.TrimPrefix(mariadbtest.New(t).URL(), "mysql://")
	for location, accepted := range map[string]bool{
		plain + "?sslrootcert=" + c.Authority:                         true,
		elsewhere + "?sslmode=verify-ca&sslrootcert=" + c.Authority:   true,
		plain + "?sslmode=require":                                    true,
		elsewhere + "?sslmode=verify-full&sslrootcert=" + c.Authority: false, // the name is another one
		plain + "?sslmode=verify-ca&sslrootcert=" + c.Other:           false,
		plain + "?sslmode=verify-full":                                false,
		plain:                                                         false, // the server asks for TLS
		withoutTLS:                                                    true,
		withoutTLS + "?sslmode=require":                               false,
		withoutTLS + "?sslmode=verify-full":                           false,
	} {
		database, err := Locate(location, t.TempDir(), options)
		must(t, err)
		db, err := database.Open(t.Context())
		if (err == nil) != accepted {
			t.Errorf("%s: %v", location, err)
		}
		if err == nil {
			must(t, db.Close())
			continue
		}
		if f := database.Classify(err, nil); f.Condition != driver.Unreachable && f.Condition != driver.Unauthorized {
			t.Errorf("%s: %v is %+v", location, err, f)
		}
	}
}

// TestAPasswordIsInNoError: of a server that refuses it, and of one that is not there.
func TestAPasswordIsInNoError(t *testing.T) {
	database := mariadbtest.New(t)
	_, rest, _ := strings.Cut(database.URL(), "@")
	for _, location := range []string{"owner:hunter2@" + rest, "owner:hunter2@127.0.0.1:1/app", "owner:hunter2@/app?host=/nowhere/socket"} {
		located, err := Locate(location, t.TempDir(), options)
		must(t, err)
		_, err = located.Open(t.Context())
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(located.Classify(err, nil).Message, "hunter2") {
			t.Errorf("%s: %v", location, err)
		}
	}
}
