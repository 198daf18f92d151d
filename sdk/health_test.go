//go:build !wasip1

package sdk

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

func TestAPluginTellsOfItsHealthIfItCan(t *testing.T) {
	t.Parallel()
	var reason error
	asked := func(p Plugin) (*pluginv1.CheckHealthResponse, error) {
		return newServer(p, silent, nil).CheckHealth(t.Context(), &pluginv1.CheckHealthRequest{})
	}
	for name, p := range map[string]Plugin{
		"without types":    script(nil),
		"without the part": New(Info{Name: "a"}),
		"with webhooks":    New(Info{Name: "a"}, Webhook{}),
	} {
		if _, err := asked(p); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := New(Info{Name: "a"}, Health{Check: func(context.Context) error { return reason }}, Webhook{})
	for _, want := range []error{nil, errors.New("the file is gone"), Refuse(CodeUnavailable, "the disk is gone"), nil} {
		reason = want
		response, err := asked(p)
		if err != nil || (want == nil) != (response.GetError() == nil) || want != nil && !strings.HasSuffix(want.Error(), response.GetError().GetMessage()) {
			t.Errorf("%v: got %v, %v", want, response, err)
		}
	}
	panics := New(Info{Name: "a"}, Health{Check: func(context.Context) error { panic("oh") }})
	if response, err := asked(panics); err != nil || !strings.Contains(response.GetError().GetMessage(), "panicked") {
		t.Errorf("a panic: %v, %v", response, err)
	}
	for _, parts := range [][]Part{{Health{}}, {Health{Check: func(context.Context) error { return nil }}, Health{Check: func(context.Context) error { return nil }}}} {
		if err := New(Info{Name: "a"}, parts...).(interface{ Check() error }).Check(); err == nil {
			t.Errorf("%d parts: accepted", len(parts))
		}
	}
}
