package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func policyOf(t testing.TB, entries ...string) Policy {
	t.Helper()
	var rules []Rule
	for _, entry := range entries {
		rule, err := ParseRule(entry)
		if err != nil {
			t.Fatalf("%s: %v", entry, err)
		}
		rules = append(rules, rule)
	}
	return NewPolicy(rules...)
}

func TestAPolicyAllowsWhatIsPublicAndWhatItNames(t *testing.T) {
	for _, c := range []struct {
		allow, host, address string
		want                 bool
	}{
		{"", "acme.com", "1.1.1.1", true},
		{"", "acme.com", "127.0.0.1", false}, {"", "acme.com", "10.0.0.1", false}, {"", "acme.com", "169.254.169.254", false}, {"", "acme.com", "fd00:ec2::254", false},
		{"127.0.0.1", "localhost", "127.0.0.1", true}, {"127.0.0.1", "localhost", "127.0.0.2", false}, {"127.0.0.0/8", "x.test", "127.9.9.9", true},
		{"127.0.0.1", "127.0.0.1", "::ffff:127.0.0.1", true}, {"::1", "localhost", "::1", true},
		{"10.1.0.0/16", "crm", "10.1.2.3", true}, {"10.1.0.0/16", "crm", "10.2.2.3", false},
		{"crm.internal", "crm.internal", "10.2.2.3", true}, {"crm.internal", "CRM.internal.", "10.2.2.3", true}, {"crm.internal", "x.crm.internal", "10.2.2.3", false},
		{"crm.internal", "crm.internal", "127.0.0.1", true}, {"crm.internal", "crm.internal", "169.254.169.254", false}, {"crm.internal", "crm.internal", "fe80::1", false},
		{"crm.internal", "crm.internal", "fd00:ec2::254", false}, {"crm.internal", "crm.internal", "100.100.100.200", false}, {"crm.internal", "crm.internal", "fd00::254", true},
		{"fd00:ec2::254", "x", "fd00:ec2::254", true},
		{"crm.internal", "crm.internal", "0.0.0.0", false}, {"169.254.169.254", "x", "169.254.169.254", true},
		{"localhost", "localhost", "127.0.0.1", true}, {"localhost", "other", "127.0.0.1", false},
	} {
		var p Policy
		if c.allow != "" {
			p = policyOf(t, c.allow)
		}
		if got := p.Allows(c.host, netip.MustParseAddr(c.address)); got != c.want {
			t.Errorf("%q: %s at %s: %t", c.allow, c.host, c.address, got)
		}
	}
}

func TestPlainHTTPAndInnerAddressesNeedARule(t *testing.T) {
	for _, c := range []struct{ allow, url, problem string }{
		{"", "https://acme.com/hook?x=1", ""},
		{"", "http://acme.com/", "plain http"}, {"acme.com", "http://acme.com/", ""}, {"10.0.0.0/8", "http://acme.com/", "plain http"},
		{"10.0.0.0/8", "http://10.1.2.3:8080/", ""}, {"10.0.0.0/8", "http://11.1.2.3/", "plain http"},
		{"", "https://127.0.0.1/", "egress.allow"}, {"", "https://[::1]/", "egress.allow"}, {"", "https://169.254.169.254/", "egress.allow"}, {"", "https://localhost:1/", "egress.allow"},
		{"", "https://a.localhost./", "egress.allow"}, {"localhost", "http://localhost:1/", ""}, {"127.0.0.1", "https://localhost:1/", ""}, {"127.0.0.1", "http://127.0.0.1:9/", ""},
		{"", "https://u:p@acme.com/", "holds a user"}, {"", "https://acme.com/#x", "fragment"}, {"", "ftp://acme.com/", "no https URL"}, {"", "https:acme.com", "no https URL"}, {"", "https://acme.com:/", "port"},
		{"", "https:///x", "no https URL"},
		{"", "https://acme.com:0/", "port"}, {"", "https://acme.com:65536/", "port"}, {"", "https://acme.com:65535/", ""},
		{"", "https://2130706433/", "usual form"}, {"", "https://0x7f.1/", "usual form"}, {"", "https://0177.0.0.1/", "usual form"}, {"", "https://127.1/", "usual form"},
		{"", "https://127.0.0.0x1/", "usual form"}, {"", "https://0/", "usual form"}, {"", "https://127.1./", "usual form"}, {"127.0.0.1", "https://0x7f000001/", "usual form"},
		{"", "https://1.acme/", ""}, {"", "https://8.8.8.8/", ""},
	} {
		var p Policy
		if c.allow != "" {
			p = policyOf(t, c.allow)
		}
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		switch err := p.CheckURL(u); {
		case c.problem == "" && err != nil:
			t.Errorf("%q: %s: %v", c.allow, c.url, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%q: %s: %v, want %q", c.allow, c.url, err, c.problem)
		}
	}
}

func TestWhatIsNoRuleIsRefused(t *testing.T) {
	for _, text := range []string{"", "*", "*.acme.com", "https://acme.com", "acme.com:443", "10.0.0.0/33", "a b", "acme.com/x", "::ffff:10.0.0.0/104", "1.2.3", "0x7f000001", "2130706433", "fe80::1%eth0", "a..b", "."} {
		if rule, err := ParseRule(text); err == nil {
			t.Errorf("%q is %+v", text, rule)
		}
	}
}

// A name that is public when it is looked at, and loopback when it is connected to,
// leads nowhere: the connection itself is judged.
func TestAnswersOfDNSThatChangeLeadNowhere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	resolver, asked := resolverOf(t, [4]byte{127, 0, 0, 1})
	_, err = Policy{}.Dial(resolver)(t.Context(), "tcp", net.JoinHostPort("hooks.example.test", port))
	if !errors.Is(err, ErrNotAllowed) || asked.Load() == 0 {
		t.Errorf("after %d questions: %v", asked.Load(), err)
	}
	if strings.Contains(err.Error(), "127.0.0.1") || !strings.Contains(err.Error(), "egress.allow") {
		t.Errorf("the error is %q", err)
	}
	conn, err := policyOf(t, "hooks.example.test").Dial(resolver)(t.Context(), "tcp", net.JoinHostPort("hooks.example.test", port))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// resolverOf returns a resolver for which every name has an address, and how often it
// was asked.
func resolverOf(t *testing.T, address [4]byte) (*net.Resolver, *atomic.Int32) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	asked := &atomic.Int32{}
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			asked.Add(1)
			m.Response = true
			m.Additionals = nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: address},
				}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}, asked
}

func FuzzParseRule(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8", "crm.internal", "::1", "[::1]", "1.2.3", "a/b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := ParseRule(text)
		if err == nil && rule.host == "" && !rule.prefix.IsValid() {
			t.Errorf("%q is nothing", text)
		}
	})
}
