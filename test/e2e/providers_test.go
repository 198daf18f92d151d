package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// TestEveryBuiltInProviderIsServedAndTriggered: `dev` makes a secret in the form of its
// sender's, `trigger` signs with it, and the gateway takes the event in, or replies to a
// challenge; without a signature it takes nothing.
func TestEveryBuiltInProviderIsServedAndTriggered(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	var webhooks []map[string]any
	for _, name := range provider.BuiltIn().Names() {
		webhooks = append(webhooks, map[string]any{
			"name": name, "path": "/in/" + name, "provider": name, "secret": "{{env.NOT_SET}}",
		})
	}
	webhooks = append(webhooks, map[string]any{
		"name": "own", "path": "/in/custom", "provider": "custom", "secret": "{{env.NOT_SET}}",
		"custom": map[string]any{"header": "X-Signature", "timestampHeader": "X-Time", "idHeader": "X-Id", "content": "{{id}}.{{timestamp}}.{{body}}"},
	})
	config, err := json.Marshal(map[string]any{
		"server": map[string]any{"publicUrl": "https://gateway.example.com"}, "webhooks": webhooks,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.WriteConfig("backflow.json", string(config))
	g := h.Dev()
	for i, p := range append(provider.Table{{Name: provider.Custom, EventTypes: []string{"test"}}}, provider.BuiltIn()...) {
		if i > 5 && !testkit.LongRun() && !p.SignsURL {
			continue
		}
		code, out, stderr := h.Run("trigger", p.Name, p.EventTypes[0])
		if code != 0 {
			t.Errorf("%s: exit code %d: %s%s", p.Name, code, out, stderr)
		}
		if refused := g.Post("/in/"+p.Name, fmt.Sprintf(`{"id":%q}`, p.Name)); refused.Status/100 != 4 {
			t.Errorf("%s: an unsigned request is %d: %s", p.Name, refused.Status, refused.Body)
		}
	}
	list := program.Want(t, 200, g.Get("/runs?limit=100&workflow=webhook:github"))
	if runs := list.Field("data").([]any); len(runs) != 1 {
		t.Errorf("GitHub has started %d runs, not one", len(runs))
	}
	if _, log := g.Output(); strings.Contains(log, "whsec_") {
		t.Error("the log shows a secret")
	}
}
