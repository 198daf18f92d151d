package config

import (
	"strings"
	"testing"
)

func TestARelativeSQLiteURLIsRelativeToTheConfig(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"sqlite://data/app.db":    "/etc/backflow/data/app.db",
		"sqlite:///var/lib/x.db":  "/var/lib/x.db",
		"sqlite://../x.db":        "/etc/x.db",
		"sqlite://":               "",
		"sqlite://data/":          "",
		"sqlite://:memory:":       "",
		"sqlite://x.db?mode=ro":   "",
		"redis://127.0.0.1:6379/": "",
	} {
		got, err := resolveSQLite(url, "/etc/backflow")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", url, got, err, want)
		}
	}
}

func TestURLsOfRedisAreChecked(t *testing.T) {
	t.Parallel()
	for url, valid := range map[string]bool{
		"redis://127.0.0.1:6379/0":     true,
		"rediss://user:p@redis.host/3": true,
		"redis://localhost":            true,
		"redis://":                     false,
		"redis://127.0.0.1/x":          false,
		"redis://:pa/ss@127.0.0.1/0":   false,
		"redis:6379":                   false,
	} {
		_, err := loadText(t, `{ "state": { "url": "`+url+`" } }`, nil)
		if (err == nil) != valid {
			t.Errorf("%s: %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "pa/ss") {
			t.Errorf("the fault holds the password: %v", err)
		}
	}
}
