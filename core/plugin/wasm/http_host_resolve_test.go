package wasm

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

func TestAllowedNameThatResolvesInsideIsRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	host, err := egress.ParseHost("http://innocent.example:" + port)
	if err != nil {
		t.Fatal(err)
	}
	h := newHTTPHost("acme", []egress.Host{host})
	defer h.close()
	// It is as though innocent.example resolved to loopback: the address of the
	// connection is checked, not the name.
	dial := h.transport.DialContext
	h.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, net.JoinHostPort("localhost", port))
	}
	frame, err := abi.Parse(abi.Append(abi.Append(abi.Begin(nil, abi.HTTPRequest), abi.Method, "GET"), abi.URL, "http://innocent.example:"+port+"/"))
	if err != nil {
		t.Fatal(err)
	}
	_, failure := h.roundTrip(t.Context(), abi.Execute, frame)
	if !errors.Is(failure, &sdk.Error{Code: sdk.CodeRejected}) || failure.Outcome != sdk.OutcomeNotExecuted || strings.Contains(failure.Message, "127.0.0.1") {
		t.Errorf("got %#v", failure)
	}
	if _, failure := h.roundTrip(t.Context(), abi.Manifest, frame); failure == nil || !strings.Contains(failure.Message, "before it is configured") {
		t.Errorf("while asked for its manifest: %#v", failure)
	}
}
