package address

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAUrlSaysWhereAndAsWhom(t *testing.T) {
	for text, want := range map[string]Address{
		"shop@db/app": {Hosts: []Host{{"db", 5432}}, User: "shop", Database: "app"},
		"shop:p%40s%2Fs%3Aw@db.example:6432/my%20db": {Hosts: []Host{{"db.example", 6432}}, User: "shop", Password: "p@s/s:w", Database: "my db"},
		"shop:@a:1,b,[::1]:3/app":                    {Hosts: []Host{{"a", 1}, {"b", 5432}, {"::1", 3}}, User: "shop", Database: "app"},
		"shop@/app?host=/run/db":                     {Hosts: []Host{{"/run/db", 5432}}, User: "shop", Database: "app"},
		"shop@%2Frun%2Fdb:7/app":                     {Hosts: []Host{{"/run/db", 7}}, User: "shop", Database: "app"},
		"shop@/app?host=a,::1&port=1,2":              {Hosts: []Host{{"a", 1}, {"::1", 2}}, User: "shop", Database: "app"},
		"shop@/app?host=a,b&port=9&":                 {Hosts: []Host{{"a", 9}, {"b", 9}}, User: "shop", Database: "app"},
	} {
		got, err := Parse(text, "/etc/backflow", 5432)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err := got.Left(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		got.baseDir, got.parameters = "", nil
		if !cmp.Equal(*got, want, cmp.AllowUnexported(Address{})) {
			t.Errorf("%s: %+v", text, *got)
		}
	}
}

// TestNoErrorHoldsAPassword: a character that was not encoded makes a part of the
// password something else, and that part is not shown either.
func TestNoErrorHoldsAPassword(t *testing.T) {
	for _, text := range []string{
		"", "shop", "db/app", "@db/app", "shop@db", "shop@db/", "shop@/app", "shop:s3cret@/app",
		"shop:s3cr@et@db/app", "shop:s3:cret@db/app", "shop:s3/cret@db/app", "shop:s3?cret@db/app", "shop:s3?cret=1@db/app", "shop:s3#cret@db/app",
		"shop:s3%zzcret@db/app", "shop:s3cret%00@db/app", "shop:x@db:s3cret/app", "shop:x@s3:cret:1/app", "shop:x@[s3cret/app", "shop:x@[::1]s3cret:1/app",
		"shop:x@db/app/s3cret", "shop:x@db:0/app", "shop:x@db:65536/app", "shop:x@db/app?S3cret=1", "shop:x@db/app?s3cret=1", "shop:x@db/app?a=s3cret&a=s3cret",
		"shop:x@db/app?host=/run", "shop:x@/app?host=a,b&port=1,2,3", "shop:x@/app?host=a,", "shop:x@/app?host=a&port=s3cret", "shop:x@db,/app",
	} {
		_, err := Parse(text, "/etc/backflow", 5432)
		if err == nil {
			t.Errorf("%q is taken", text)
		} else if strings.Contains(err.Error(), "s3") || strings.Contains(err.Error(), "cret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParametersThatNobodyTakesAreNamed(t *testing.T) {
	a, err := Parse("shop@db/app?one=1%26&two=2&three", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if value, ok := a.Take("one"); value != "1&" || !ok {
		t.Errorf("one is %q, %v", value, ok)
	}
	if _, ok := a.Take("one"); ok {
		t.Error("a parameter is taken twice")
	}
	if err := a.Left("one", "four"); err == nil || err.Error() != "does not take the parameter three, two; there are one, four" {
		t.Errorf("left: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("shop:p%40s@db:1,[::1]/app?sslmode=verify-full", "p@s")
	f.Add("shop:hunter2/@db/app", "hunter2")
	f.Add("shop:hunter2@db:hunter2/app?host=hunter2", "hunter2")
	f.Fuzz(func(t *testing.T, text, piece string) {
		a, err := Parse(text, "/etc/backflow", 1)
		if err == nil {
			if len(a.Hosts) == 0 || a.User == "" || a.Database == "" {
				t.Errorf("%q: %+v", text, a)
			}
			return
		}
		// Every text of an error is one of the package's own, but for the names of
		// parameters.
		if len(piece) > 12 && strings.Contains(text, piece) && strings.Contains(err.Error(), piece) && !shownName.MatchString(piece) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
