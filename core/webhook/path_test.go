package webhook

import (
	"strings"
	"testing"
)

func TestPathsAreChecked(t *testing.T) {
	t.Parallel()
	owned := func(path string) bool { return strings.HasPrefix(path, "/own/") }
	for path, want := range map[string]string{
		"/webhooks/stripe": "", "/hook": "", "/a/b-c/d.e_f~": "", "/owned": "",
		"": "start with a slash", "webhooks": "start with a slash",
		"/": "each segment", "/a/": "each segment", "//a": "each segment", "/a/../b": "each segment", "/./a": "each segment",
		"/a b": "each segment", "/a/{id}": "each segment", "/a%2Fb": "each segment",
		"/own/a": `path "/own/a": /own belongs to the gateway itself`,
	} {
		if err := CheckPath(path, owned); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	if err := CheckPath("/own/a", nil); err != nil {
		t.Error(err)
	}
}
