package egress

import (
	"net/netip"
	"net/url"
	"testing"
)

func TestHostMatchesExactly(t *testing.T) {
	cases := map[string]struct{ yes, no []string }{
		"api.acme.com": {
			[]string{"https://api.acme.com/x", "https://API.acme.com:443/", "https://api.acme.com./"},
			[]string{"http://api.acme.com/", "https://api.acme.com:444/", "https://x.api.acme.com/", "https://acme.com/", "https://api.acme.com@evil.com/", "https://api.acme.com:/", "//api.acme.com/", "ftp://api.acme.com/"},
		},
		"api.acme.com:8443":     {[]string{"https://api.acme.com:8443/"}, []string{"https://api.acme.com/", "https://api.acme.com:08443/"}},
		"http://localhost:8080": {[]string{"http://localhost:8080/a"}, []string{"https://localhost:8080/", "http://127.0.0.1:8080/"}},
		"http://127.0.0.1:80":   {[]string{"http://127.0.0.1/", "http://[::ffff:127.0.0.1]/"}, []string{"http://127.0.0.2/", "http://127.1/", "http://0x7f000001/"}},
		"::1":                   {[]string{"https://[::1]/"}, []string{"https://[::2]/"}},
		"[::1]:81":              {[]string{"https://[0:0:0:0:0:0:0:1]:81/"}, []string{"https://[::1]/"}},
	}
	for entry, c := range cases {
		host, err := ParseHost(entry)
		if err != nil {
			t.Errorf("%s: %v", entry, err)
			continue
		}
		for i, list := range [][]string{c.yes, c.no} {
			for _, text := range list {
				u, err := url.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				if got := host.Matches(u); got != (i == 0) {
					t.Errorf("%s and %s: %t", entry, text, got)
				}
			}
		}
	}
}

func TestWhatIsNoHostIsRefused(t *testing.T) {
	for _, text := range []string{"", "*.acme.com", "acme.com/path", "https://", "ftp://acme.com", "user@acme.com", "acme.com:0", "acme.com:70000", "acme.com:", "a b", "acme.com?x", "acme.com:x"} {
		if host, err := ParseHost(text); err == nil {
			t.Errorf("%q is %+v", text, host)
		}
	}
	if (Host{}).Matches(&url.URL{}) {
		t.Error("nothing matches something")
	}
}

func TestOnlyAnEntryThatNamesAnAddressLeadsInside(t *testing.T) {
	for _, c := range []struct {
		entry, address string
		want           bool
	}{
		{"acme.com", "1.1.1.1", true}, {"acme.com", "127.0.0.1", false}, {"acme.com", "10.0.0.1", false}, {"acme.com", "169.254.169.254", false},
		{"localhost", "127.0.0.1", true}, {"localhost", "::1", true}, {"localhost", "10.0.0.1", false},
		{"10.0.0.1", "10.0.0.1", true}, {"10.0.0.1", "::ffff:10.0.0.1", true}, {"10.0.0.1", "10.0.0.2", false},
	} {
		host, err := ParseHost(c.entry)
		if err != nil {
			t.Fatal(err)
		}
		if got := host.Allows(netip.MustParseAddr(c.address)); got != c.want {
			t.Errorf("%s and %s: %t", c.entry, c.address, got)
		}
	}
}

func FuzzParseHost(f *testing.F) {
	for _, seed := range []string{"api.acme.com", "http://[::1]:80", "a:b:c", "[", "::", "http://"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		host, err := ParseHost(text)
		if err == nil && (host.name == "" || host.port == "") {
			t.Errorf("%q is %+v", text, host)
		}
	})
}
