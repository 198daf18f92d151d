package rules

import (
	"slices"
	"strings"
	"testing"
)

// layer is a set of packages that may import each other, in one direction, and
// what is in the layers before theirs.
type layer struct {
	name string
	// packages are paths below the module. What is under one belongs to it, unless
	// it is named itself.
	packages []string
}

// layers are all of the module but what is for tests, from the bottom up.
var layers = []layer{
	{"SDK", []string{"sdk"}},
	{"plugins", []string{"plugins"}},
	{"foundations", []string{
		"core/access", "core/backoff", "core/condition", "core/egress", "core/outage", "core/outgoing",
		"core/telemetry", "core/template", "core/visible", "core/wakeup",
	}},
	{"state", []string{"core/state", "core/lease"}},
	{"actions and workflows", []string{"core/action", "core/workflow"}},
	{"integrations", []string{"core/custom", "core/plugin", "core/provider"}},
	{"runs and events", []string{"core/bulk", "core/destination", "core/engine", "core/event", "core/idempotency", "core/notice", "core/reconcile", "core/schedule", "core/webhook"}},
	{"config and HTTP", []string{"core/config", "core/gateway"}},
	{"server", []string{"core/compile", "core/server"}},
	{"program", []string{"cmd/backflow"}},
}

// component returns the entry of layers that a package belongs to, and the number
// of its layer; -1 if none exists.
func component(path string) (name string, level int) {
	level = -1
	for i, l := range layers {
		for _, p := range l.packages {
			if within(path, p) && len(p) > len(name) {
				name, level = p, i
			}
		}
	}
	return name, level
}

// forTests reports whether only tests may import a package.
func forTests(path string) bool {
	return within(path, "internal/testkit") || within(path, "test") || strings.HasSuffix(path, "test")
}

// TestNoArrowPointsUp: a package imports what is in its layer or below. The compiler
// refuses cycles of packages, this test those of components.
func TestNoArrowPointsUp(t *testing.T) {
	for _, s := range sources(t) {
		_, own := component(s.path)
		if own < 0 && !forTests(s.path) {
			t.Errorf("%s is in no layer: add it to layers", s.path)
		}
		for _, imported := range s.imports {
			_, other := component(imported)
			switch {
			case forTests(imported) && !forTests(s.path):
				t.Errorf("%s imports %s, which is for tests", s.path, imported)
			case other > own && !forTests(s.path):
				t.Errorf("%s imports %s, which is in a layer above it", s.path, imported)
			}
		}
	}
	reached := reach(arrows(t))
	for from, all := range reached {
		if slices.Contains(all, from) {
			t.Errorf("%s imports what imports it", from)
		}
	}
}

// arrows are the imports between components, without those of what is for tests.
func arrows(t *testing.T) map[string][]string {
	t.Helper()
	to := map[string][]string{}
	for _, s := range sources(t) {
		from, _ := component(s.path)
		if forTests(s.path) || from == "" {
			continue
		}
		for _, imported := range s.imports {
			if other, _ := component(imported); other != "" && other != from && !slices.Contains(to[from], other) {
				to[from] = append(to[from], other)
			}
		}
	}
	return to
}

// reach returns all that each component imports, directly or not.
func reach(arrows map[string][]string) map[string][]string {
	reached := map[string][]string{}
	for from := range arrows {
		waiting := slices.Clone(arrows[from])
		for len(waiting) > 0 {
			next := waiting[0]
			waiting = waiting[1:]
			if !slices.Contains(reached[from], next) {
				reached[from] = append(reached[from], next)
				waiting = append(waiting, arrows[next]...)
			}
		}
	}
	return reached
}
