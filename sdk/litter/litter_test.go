package litter

import "testing"

func TestEditorsLitterIsKnown(t *testing.T) {
	for _, name := range []string{
		"._a.json", ".#a.json", "a.json~", ".a.json.swp", ".a.json.swx", "a.json.swp", "4913", "#a.json#", ".DS_Store", "a.json.bak", "a.json.BAK",
		"a.json.orig", "a.json.tmp", "a.json___jb_tmp___", ".a.json", "a.json.part",
	} {
		if !Is(name) {
			t.Errorf("%q is held for a file that is meant", name)
		}
	}
	for _, name := range []string{"a.json", "00001_payments.sql", "4913.json", "#1.json", "a#", "#", "backup.json", "tmp.json", "a~b.json", "orig"} {
		if Is(name) {
			t.Errorf("%q is held for litter", name)
		}
	}
}

func TestAPatternMeansLitterOnlyWhereItSaysSo(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		litter        bool
	}{
		{"/c/flows/*.json", "/c/flows/a.json", false},
		{"/c/flows/*.json", "/c/flows/._a.json", true},
		{"/c/flows/*", "/c/flows/a.json~", true},
		{"/c/.hidden/*.json", "/c/.hidden/a.json", false}, // not a wildcard's
		{"/c/*/a.json", "/c/.git/a.json", true},
		{"/c/.*.json", "/c/.a.json", false},
		{"/c/.*.json", "/c/._a.json", true},
		{"/c/.*", "/c/.a.json.swp", true},
		{"/c/a.json~", "/c/a.json~", false}, // named as it is
	} {
		if got := Matches(c.pattern, c.path); got != c.litter {
			t.Errorf("%s, which %s matches: %v", c.path, c.pattern, got)
		}
	}
}
