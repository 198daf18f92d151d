package wasm

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/sdk/abi"
)

// What a guest writes into a request that no SDK would.
func TestARequestSaysNothingThatTheGatewayDoesNot(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, fmt.Sprintf("%s %s %d %q %s", r.Method, r.Host, r.ContentLength, r.TransferEncoding, r.Header.Get("X-Other")))
	}))
	defer server.Close()
	host, err := egress.ParseHost(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	h := newHTTPHost("hostile", []egress.Host{host})
	defer h.close()
	address := strings.TrimPrefix(server.URL, "http://")
	plain := fmt.Sprintf("POST %s 4 [] ", address)
	for name, c := range map[string]struct {
		method  string
		headers []string
		want    string // empty: it is not sent
	}{
		"another Host":            {"POST", []string{"Host:other.example"}, plain},
		"another length":          {"POST", []string{"Content-Length:400"}, plain},
		"another encoding":        {"POST", []string{"Transfer-Encoding:chunked"}, plain},
		"a line more in a value":  {"POST", []string{"X-A:b\r\nX-Other: c"}, ""},
		"a line more in a name":   {"POST", []string{"X-A: b\r\nX-Other:c"}, ""},
		"a name that is none":     {"POST", []string{"X A:b"}, ""},
		"a line more in a method": {"POST / HTTP/1.1\r\nX-Other:", nil, ""},
		"headers without end":     {"POST", strings.Split(strings.Repeat("X-A:b,", maxRequestHeaders), ","), ""},
		"a tunnel":                {"CONNECT", nil, ""},
	} {
		seen = nil
		frame := abi.Append(abi.Append(abi.Append(abi.Begin(nil, abi.HTTPRequest), abi.Method, c.method), abi.URL, server.URL+"/"), abi.Body, "ping")
		for _, header := range c.headers {
			frame = abi.Append(frame, abi.Header, header)
		}
		parsed, err := abi.Parse(frame)
		if err != nil {
			t.Fatal(err)
		}
		_, failure := h.roundTrip(context.Background(), abi.Execute, parsed)
		if got := strings.Join(seen, "; "); got != c.want || (failure == nil) != (c.want != "") {
			t.Errorf("%s: the host saw %q, the guest %v", name, got, failure)
		}
	}
}
