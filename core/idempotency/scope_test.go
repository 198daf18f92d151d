package idempotency

import "testing"

func TestFingerprintTellsRequestsApart(t *testing.T) {
	base := FingerprintOf("POST", "/a", "x=1&y=2", []byte(`{"n":1}`), "wait")
	for _, tc := range []struct {
		name                string
		method, path, query string
		body                string
		same                bool
	}{
		{"equal", "POST", "/a", "x=1&y=2", `{"n":1}`, true},
		{"names in another order", "POST", "/a", "y=2&x=1", `{"n":1}`, true},
		{"another spelling of a value", "POST", "/a", "x=%31&y=2", `{"n":1}`, true},
		{"ignored name", "POST", "/a", "x=1&wait=30s&y=2", `{"n":1}`, true},
		{"ignored name, escaped", "POST", "/a", "x=1&%77ait=30s&y=2", `{"n":1}`, true},
		{"empty pieces", "POST", "/a", "&x=1&&y=2&", `{"n":1}`, true},
		{"method", "PUT", "/a", "x=1&y=2", `{"n":1}`, false},
		{"path", "POST", "/b", "x=1&y=2", `{"n":1}`, false},
		{"value", "POST", "/a", "x=1&y=3", `{"n":1}`, false},
		{"name more", "POST", "/a", "x=1&y=2&z=", `{"n":1}`, false},
		{"body", "POST", "/a", "x=1&y=2", `{"n":2}`, false},
		{"white space in the body", "POST", "/a", "x=1&y=2", `{"n": 1}`, false},
		{"query moved into the path", "POST", "/ax", "=1&y=2", `{"n":1}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := FingerprintOf(tc.method, tc.path, tc.query, []byte(tc.body), "wait")
			if (got == base) != tc.same {
				t.Errorf("same = %v, want %v", got == base, tc.same)
			}
		})
	}
	one, other := FingerprintOf("POST", "/", "a=1&a=2", nil), FingerprintOf("POST", "/", "a=2&a=1", nil)
	if one == other {
		t.Error("the order of one name's values does not count")
	}
	if FingerprintOf("POST", "/", "a=%zz", nil) == FingerprintOf("POST", "/", "a=%zy", nil) {
		t.Error("values that cannot be unescaped are equal")
	}
}

func TestScopesDoNotMeet(t *testing.T) {
	scopes := []Scope{
		{Caller: "shop", Method: "POST", Path: "/a", Key: "k"},
		{Caller: "shop2", Method: "POST", Path: "/a", Key: "k"},
		{Caller: "shop", Method: "PUT", Path: "/a", Key: "k"},
		{Caller: "shop", Method: "POST", Path: "/ak", Key: ""},
		{Caller: "shop", Method: "POST", Path: "/a", Key: "l"},
		{Caller: "shopP", Method: "OST", Path: "/a", Key: "k"},
	}
	seen := map[string]Scope{}
	for _, s := range scopes {
		for _, id := range []string{s.recordID(), s.upstreamKey("1"), s.upstreamKey("2")} {
			if other, ok := seen[id]; ok {
				t.Errorf("%+v and %+v meet at %s", s, other, id)
			}
			seen[id] = s
			if len(id) != 64 {
				t.Errorf("%s is not 64 hex digits", id)
			}
		}
	}
}
