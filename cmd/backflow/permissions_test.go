package main

import (
	"slices"
	"testing"
)

func TestACommandLineMayBeAboutAnIntegration(t *testing.T) {
	for _, c := range []struct {
		args, want  []string
		integration string
	}{
		{[]string{"stripe", "permissions", "-c", "f"}, []string{"INTEGRATION", "permissions", "-c", "f"}, "stripe"},
		{[]string{"my-shop", "permissions"}, []string{"INTEGRATION", "permissions"}, "my-shop"},
		{[]string{"INTEGRATION", "permissions"}, nil, ""},
		{[]string{"stripe"}, nil, ""},
		{[]string{"stripe", "listen"}, nil, ""},
		{[]string{"plugin", "list"}, nil, ""},
		{[]string{"plugin", "permissions"}, nil, ""},
		{[]string{"--version"}, nil, ""},
		{nil, nil, ""},
	} {
		p := &program{}
		if c.want == nil {
			c.want = c.args
		}
		if got := p.nameIntegration(p.root(), slices.Clone(c.args)); !slices.Equal(got, c.want) || p.integration != c.integration {
			t.Errorf("%q: %q about %q", c.args, got, p.integration)
		}
	}
}
