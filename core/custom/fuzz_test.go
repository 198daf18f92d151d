package custom_test

import (
	"encoding/json"
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/backflow/backflow/core/custom"
)

// FuzzAValueStaysInItsPlace sends a value in path, query, header and body, and
// looks at what a server makes of what came: the value where it belongs, and
// nothing else changed.
func FuzzAValueStaysInItsPlace(f *testing.F) {
	for _, seed := range []string{"cus_1", "..", "a/../b", "%2e%2e", "a\r\nHost: evil", "?a=b#c", "é ü", `\..\`, ".", "//evil", "a;b", "\x00", "{{params.x}}", "+ &=", "..;/x", " "} {
		f.Add(seed)
	}
	a := serve(f, nil)
	i := one(f, a.URL+"/v1", custom.Bearer("secret"), custom.Action{
		Method: "POST", Path: "/users/{{params.v}}/x-{{params.v}}",
		Query:   json.RawMessage(`{"before":"b","v":"{{params.v}}"}`),
		Headers: json.RawMessage(`{"X-Value":"v{{params.v}}v"}`),
		Body:    json.RawMessage(`{"v":"{{params.v}}","text":"<{{params.v}}>"}`),
	})
	host := strings.TrimPrefix(a.URL, "http://")
	f.Fuzz(func(t *testing.T, v string) {
		if !utf8.ValidString(v) {
			return // no JSON document holds it
		}
		params, err := json.Marshal(map[string]string{"v": v})
		if err != nil {
			t.Fatal(err)
		}
		before := a.count()
		if _, failed := execute(t.Context(), i, string(params)); failed != nil {
			if a.count() != before {
				t.Errorf("%q was refused and sent: %v", v, failed)
			}
			return
		}
		r, body := a.last(t)
		if a.count() != before+1 || r.Host != host || r.Method != "POST" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%q: %d requests, the last %s to %s: %v", v, a.count()-before, r.Method, r.Host, r.Header)
		}
		segments := strings.Split(r.URL.EscapedPath(), "/")
		if len(segments) != 5 || segments[1] != "v1" || segments[2] != "users" {
			t.Fatalf("%q: path %s", v, r.URL.EscapedPath())
		}
		one, err1 := url.PathUnescape(segments[3])
		two, err2 := url.PathUnescape(segments[4])
		if err1 != nil || err2 != nil || one != v || two != "x-"+v {
			t.Errorf("%q: path %s", v, r.URL.EscapedPath())
		}
		if clean := path.Clean(r.URL.Path); !strings.HasPrefix(clean, "/v1/users/") {
			t.Errorf("%q: a server that decodes early finds %s", v, clean)
		}
		if q := r.URL.Query(); len(q) != 2 || q.Get("before") != "b" || q.Get("v") != v {
			t.Errorf("%q: query %s", v, r.URL.RawQuery)
		}
		if got := r.Header.Get("X-Value"); got != "v"+v+"v" {
			t.Errorf("%q: header %q", v, got)
		}
		var sent struct{ V, Text string }
		if err := json.Unmarshal([]byte(body), &sent); err != nil || sent.V != v || sent.Text != "<"+v+">" {
			t.Errorf("%q: body %s, %v", v, body, err)
		}
	})
}
