package gateway

import (
	"slices"
	"testing"

	"github.com/backflow/backflow/core/access"
)

func TestPermission(t *testing.T) {
	t.Parallel()
	given := map[string]string{"integration": "shop", "action": "", "workflow": "order"}
	argument := func(name string) string { return given[name] }
	for _, c := range []struct {
		scope   string
		want    []string
		written string
	}{
		{"runs:read", []string{"runs", "read"}, "runs:read"},
		{"workflows:*:read", []string{"workflows", access.AnyName, "read"}, "workflows:ID:read"},
		{"workflows:{workflow}:run", []string{"workflows", "order", "run"}, "workflows:ID:run"},
		{"integrations:{integration}:{action}", []string{"integrations", "shop", access.AnyName}, "integrations:NAME:ACTION"},
		{"integrations:{integration}:*", []string{"integrations", "shop", access.AnyName}, "integrations:NAME:ACTION"},
	} {
		q, err := parseRequirement(c.scope, []string{"integration", "action", "workflow"})
		must(t, err)
		for range 2 { // filling it in does not change it
			if got := q.permission(argument); !slices.Equal(got, c.want) || q.String() != c.written {
				t.Errorf("%s: %q, written %s, want %q, %s", c.scope, got, q, c.want, c.written)
			}
		}
	}
}

// TestAPermissionWithoutArgumentsIsMadeOnce: not for each request.
func TestAPermissionWithoutArgumentsIsMadeOnce(t *testing.T) {
	q, err := parseRequirement("workflows:*:read", nil)
	must(t, err)
	if n := testing.AllocsPerRun(100, func() { q.permission(nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
