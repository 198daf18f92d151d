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
	for url, want := range map[string]string{
		"redis://127.0.0.1:6379/0?prefix=shop:":                     "",
		"rediss://h?ca=/x&cert=/c&key=/k":                           "",
		"redis+sentinel://h:1/0?master=m&sentinel=a:1&sentinel=b:2": "",
		"redis://h?prefx=x":                                         `unknown parameter "prefx" in the URL (did you mean "prefix"?)`,
		"redis://h?dial_timeout=5s":                                 `unknown parameter "dial_timeout" in the URL (known: prefix)`,
		"redis://h?ca=/x":                                           `the parameter "ca" is for URLs that begin with rediss:// or rediss+sentinel://`,
		"rediss://h?skip_verify=true":                               `unknown parameter "skip_verify" in the URL`,
		"redis://h?master=m":                                        `the parameter "master" is for URLs that begin with redis+sentinel://`,
		"redis://h?prefix=a&prefix=b":                               `the parameter "prefix" is given twice in the URL`,
		"redis+sentinel://h":                                        `the URL names no master (add ?master=NAME, as the Sentinels know it)`,
		"redis://h:0":                                               "the port is not a number from 1 to 65535",
		"redis://h:70000":                                           "the port is not a number from 1 to 65535",
		"redis://h:port":                                            "not a valid URL of Redis",
		"redis://my host/0":                                         "not a valid URL of Redis",
		"redis://h?a=%zz":                                           "the parameters of the URL are not well formed",
	} {
		_, err := loadText(t, `{ "state": { "url": "`+url+`" } }`, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
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
